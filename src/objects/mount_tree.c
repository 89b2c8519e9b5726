#include "objects/mount_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/procfs.h"
#include "objects/filesystem.h"
#include "objects/mount_make.h"
#include "objects/mount_propagation.h"

enum { MOST_MOUNTS = 8192 };

struct mount_tree {
    struct restore *restore;
    struct mount_table table;
    mountinfo_list builder; /* the builder's mounts, read where no root is given */
    int *fds;               /* of each mount, -1: not made yet */
    enum { WAITING, BUSY, ATTACHED } * states;
};

static int *fd_of(struct mount_tree *tree, const struct mount *mount)
{
    return &tree->fds[mount - tree->table.mounts];
}

/* ---- the image ---- */

static int check_entry(const MntEntry *entry, struct error *e)
{
    /* The root of a namespace's own file is shown as its name, "net:[4026531840]". */
    bool named = entry->root[0] != '/' && !strchr(entry->root, '/');
    if (entry->mountpoint[0] != '/' ||
        (entry->mountpoint[1] && !path_is_plain(entry->mountpoint)) ||
        (!named && (entry->root[0] != '/' || (entry->root[1] && !path_is_plain(entry->root)))))
        return fail(e, EBADMSG, "mount %u: '%s' of '%s' are no paths of a mount", entry->mnt_id,
                    entry->mountpoint, entry->root);
    return 0;
}

static struct mount mount_from_entry(const MntEntry *entry)
{
    const struct filesystem_kind *kind = filesystem_kind_by_number(entry->fstype);
    const char *type = kind ? kind->name : entry->fsname ? entry->fsname : "unknown";
    return (struct mount){
        .info = {.id = (int)entry->mnt_id,
                 .parent = (int)entry->parent_mnt_id,
                 .root = entry->root,
                 .point = entry->mountpoint,
                 .type = type,
                 .source = entry->source,
                 .shared = entry->has_shared_id ? entry->shared_id : 0,
                 .master = entry->has_master_id ? entry->master_id : 0},
        .device = entry->root_dev,
        .flags = entry->flags,
        .super_flags = entry->has_sb_flags ? entry->sb_flags : 0,
        .data = entry->options,
        .external = entry->ext_key,
        .kind = kind,
    };
}

static int read_entries(struct mount_tree *tree, uint32_t id, struct error *e)
{
    struct restore *restore = tree->restore;
    VEC(struct mount) mounts = {0};
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_MNTS, id, e);
    if (!reader)
        return -1;
    *e = (struct error){0};
    for (MntEntry *entry; (entry = image_next(reader, &mnt_entry__descriptor, e));) {
        if (check_entry(entry, e) < 0)
            return -1;
        if (mounts.count == MOST_MOUNTS)
            return fail(e, EBADMSG, "image has more than %d mounts", MOST_MOUNTS);
        vec_add(restore->arena, &mounts, mount_from_entry(entry));
    }
    tree->table = (struct mount_table){mounts.items, mounts.count};
    return e->code ? -1 : 0;
}

static int read_builder(struct mount_tree *tree, struct error *e)
{
    AUTO_CLOSE int self = proc_open_self(e);
    return self < 0 ? -1 : mountinfo_read(self, tree->restore->arena, &tree->builder, e);
}

/* Without a root given, the image's root is looked for among the builder's mounts; if that is the
 * builder's own root, the tree had only unshared its mounts, and others come from outside too. */
static int read_tree_of_mounts(struct mount_tree *tree, uint32_t id, struct error *e)
{
    struct arena *arena = tree->restore->arena;
    const mountinfo_list none = {0};
    if (read_entries(tree, id, e) < 0 ||
        (!tree->restore->options->root && read_builder(tree, e) < 0))
        return -1;
    bool shares_root = mount_table_shares_root(&tree->table, &tree->builder);
    if (mount_table_arrange(&tree->table, shares_root ? &tree->builder : &none, arena, e) < 0)
        return -1;
    tree->fds = arena_alloc(arena, tree->table.count * sizeof(*tree->fds));
    tree->states = arena_alloc(arena, tree->table.count * sizeof(*tree->states));
    for (size_t i = 0; i < tree->table.count; i++)
        tree->fds[i] = -1;
    return 0;
}

/* ---- what comes from outside ---- */

/* The path of a mount that another covers leads to that one. In the place of a mount that nothing
 * in the tree sees either, it will do. */
static int check_found(struct mount_tree *tree, const struct mount *mount, const char *path,
                       const struct mountinfo *found, struct error *e)
{
    struct statx st;
    if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
        return fail_errno(e, "source %s", path);
    if ((int)st.stx_mnt_id != found->id && mount_of_path(&tree->table, mount->info.point) == mount)
        return fail(e, EBUSY, "source %s: another mount covers it", path);
    return 0;
}

static int clone_found(struct mount_tree *tree, const struct mount *mount, struct error *e)
{
    const struct mountinfo *found = mount_find_outside(&tree->builder, mount);
    if (!found)
        return fail(e, ENOENT, "its file system is not mounted here: give its root");
    const char *below = path_below(mount->info.root, found->root);
    const char *path = arena_printf(tree->restore->arena, "%s%s", found->point, below);
    return check_found(tree, mount, path, found, e) < 0 ? -1 : mount_clone(AT_FDCWD, path, e);
}

static int clone_external(struct mount_tree *tree, const struct mount *mount, struct error *e)
{
    const struct stasis_options *options = tree->restore->options;
    for (size_t i = 0; i < options->external_mounts_count; i++)
        if (!strcmp(options->external_mounts[i].key, mount->external))
            return mount_clone(AT_FDCWD, options->external_mounts[i].value, e);
    return fail(e, EINVAL, "no source is given for the external mount '%s'", mount->external);
}

static int clone_from_outside(struct mount_tree *tree, const struct mount *mount, struct error *e)
{
    const char *root = tree->restore->options->root;
    if (mount->source == MOUNT_ROOT && root)
        return mount_clone(AT_FDCWD, root, e);
    return mount->source == MOUNT_EXTERNAL ? clone_external(tree, mount, e)
                                           : clone_found(tree, mount, e);
}

/* All at once, before the new tree can stand in the way of a path. */
static int clone_outside_mounts(struct mount_tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->table.count; i++) {
        const struct mount *mount = &tree->table.mounts[i];
        if (mount->source == MOUNT_NEW || mount->source == MOUNT_BIND)
            continue;
        tree->fds[i] = clone_from_outside(tree, mount, e);
        if (tree->fds[i] < 0)
            return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    }
    return 0;
}

/* ---- one mount after the other ---- */

/* Copies for all binds of a file system are made while nothing is mounted in it yet. */
static int clone_binds(struct mount_tree *tree, const struct mount *origin, struct error *e)
{
    for (size_t i = 0; i < tree->table.count; i++) {
        const struct mount *mount = &tree->table.mounts[i];
        if (mount->source != MOUNT_BIND || mount->origin != origin)
            continue;
        const char *below = path_below(mount->info.root, origin->info.root);
        tree->fds[i] = mount_clone_below(*fd_of(tree, origin), below, e);
        if (tree->fds[i] < 0)
            return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    }
    return 0;
}

static int attach(struct mount_tree *tree, const struct mount *mount, struct error *e)
{
    int *fd = fd_of(tree, mount);
    if (mount->source == MOUNT_NEW)
        *fd = mount_make_new(tree->restore, mount, e);
    bool keep_master = mount->source != MOUNT_NEW && mount->source != MOUNT_BIND &&
                       mount_has_master_outside(&tree->table, mount);
    if (*fd < 0 || mount_set_flags(*fd, mount, keep_master, e) < 0)
        return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    const char *below = path_below(mount->info.point, mount->parent->info.point);
    if (mount_attach_below(*fd_of(tree, mount->parent), below, *fd, e) < 0)
        return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    return clone_binds(tree, mount, e);
}

/* A mount that this one will hide must be there first. */
static bool would_be_hidden(const struct mount *mount, const struct mount *by)
{
    return mount != by && mount->parent == by->parent &&
           path_is_below(mount->info.point, by->info.point);
}

static int place(struct mount_tree *tree, const struct mount *mount, struct error *e)
{
    size_t index = (size_t)(mount - tree->table.mounts);
    if (tree->states[index] == ATTACHED)
        return 0;
    if (tree->states[index] == BUSY)
        return fail(e, EBADMSG, MOUNT_FORMAT ": stands in its own way", MOUNT_NAME(mount));
    tree->states[index] = BUSY;
    if (place(tree, mount->parent, e) < 0 ||
        (mount->source == MOUNT_BIND && place(tree, mount->origin, e) < 0))
        return -1;
    for (size_t i = 0; i < tree->table.count; i++)
        if (would_be_hidden(&tree->table.mounts[i], mount) &&
            place(tree, &tree->table.mounts[i], e) < 0)
            return -1;
    tree->states[index] = ATTACHED;
    return attach(tree, mount, e);
}

/* ---- the root ---- */

/* The copy is mounted on what it is a copy of: any place would do until it becomes the root. */
static int place_root(struct mount_tree *tree, struct error *e)
{
    const struct mount *root = &tree->table.mounts[0];
    const char *path = tree->restore->options->root ? tree->restore->options->root : "/";
    if (mount_set_flags(tree->fds[0], root, mount_has_master_outside(&tree->table, root), e) < 0)
        return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(root));
    if (move_mount(tree->fds[0], "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail_errno(e, MOUNT_FORMAT ": %s", MOUNT_NAME(root), path);
    tree->states[0] = ATTACHED;
    return clone_binds(tree, root, e);
}

/* pivot_root(2), "pivot_root(".", ".")": the old root comes to lie on the new one. */
static int enter_root(const struct mount_tree *tree, struct error *e)
{
    if (fchdir(tree->fds[0]) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return fail_errno(e, "cannot make %s the root", tree->restore->options->root);
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return fail_errno(e, "cannot leave the old root");
    return 0;
}

static int build(struct mount_tree *tree, struct error *e)
{
    /* Nothing that is mounted here may show outside. */
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_errno(e, "cannot part from the mounts outside");
    if (clone_outside_mounts(tree, e) < 0 || place_root(tree, e) < 0)
        return -1;
    for (size_t i = 0; i < tree->table.count; i++)
        if (place(tree, &tree->table.mounts[i], e) < 0)
            return -1;
    if (mounts_share(&tree->table, tree->fds, tree->restore->arena, e) < 0)
        return -1;
    return enter_root(tree, e);
}

static void close_mounts(const struct mount_tree *tree)
{
    for (size_t i = 0; i < tree->table.count; i++)
        if (tree->fds[i] >= 0)
            close(tree->fds[i]);
}

int mount_tree_fill(struct restore *restore, uint32_t id, struct error *e)
{
    struct mount_tree tree = {.restore = restore};
    if (read_tree_of_mounts(&tree, id, e) < 0)
        return -1;
    int result = build(&tree, e);
    close_mounts(&tree);
    return result;
}
