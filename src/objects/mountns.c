/* The mount namespace of the tree: what a dump reads and writes of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/nsvisit.h"
#include "kernel/procfs.h"
#include "objects/filesystem.h"
#include "objects/mount.h"
#include "objects/mount_options.h"
#include "objects/mount_tree.h"
#include "objects/namespace.h"
#include "objects/namespace_kinds.h"

static const char *find_external_name(const struct stasis_options *options, const char *point)
{
    for (size_t i = 0; i < options->external_mounts_count; i++)
        if (!strcmp(options->external_mounts[i].key, point))
            return options->external_mounts[i].value;
    return NULL;
}

static uint32_t propagation_flags(const struct mountinfo *info)
{
    uint32_t flags = (info->shared ? MS_SHARED : 0) | (info->master ? MS_SLAVE : 0) |
                     (info->unbindable ? MS_UNBINDABLE : 0);
    return flags ? flags : MS_PRIVATE;
}

static struct mount mount_from_line(struct dump *dump, const struct mountinfo *info)
{
    struct mount mount = {.info = *info,
                          .device = info->major << 20 | info->minor,
                          .flags = mount_flags_of(info->options) | propagation_flags(info),
                          .external = find_external_name(dump->options, info->point),
                          .kind = filesystem_kind_by_name(info->type)};
    mount.data = super_options_split(dump->arena, info->super_options, &mount.super_flags);
    return mount;
}

const mountinfo_list *mounts_of_dumper(struct dump *dump, struct error *e)
{
    if (dump->own_mounts)
        return dump->own_mounts;
    mountinfo_list *list = arena_alloc(dump->arena, sizeof(*list));
    AUTO_CLOSE int self = proc_open_self(e);
    if (self < 0 || mountinfo_read(self, dump->arena, list, e) < 0)
        return NULL;
    dump->own_mounts = list;
    return list;
}

/* The root of a cgroup mount is shown as its reader's cgroup namespace has it: asked inside the
 * tree's, what a new mount(2) there will show is "/". */
static int read_mounts_of(struct dump *dump, const struct owner *root, mountinfo_list *list,
                          struct error *e)
{
    AUTO_NSVISIT struct nsvisit visit;
    int flags = namespace_is_foreign(dump, NS_CGROUP) ? CLONE_NEWCGROUP : 0;
    if (nsvisit_begin(&visit, root->pidfd, flags, e) < 0)
        return -1;
    return mountinfo_read(root->proc, dump->arena, list, e);
}

/* A new instance would be another than what the tree sees. */
static int check_instance(const struct dump *dump, const struct mount *mount,
                          const mountinfo_list *own, struct error *e)
{
    const struct filesystem_kind *kind = mount->kind;
    bool follows_own = kind->follows != NS_TYPES && namespace_is_foreign(dump, kind->follows);
    if (mount->source != MOUNT_NEW || !mount_find_outside(own, mount) ||
        !(kind->private_instance || follows_own))
        return 0;
    return fail(e, ENOTSUP,
                MOUNT_FORMAT ": a mount from outside that no external name is given for",
                MOUNT_NAME(mount));
}

static int check_mount(const struct dump *dump, const struct mount *mount,
                       const mountinfo_list *own, struct error *e)
{
    if (ends_with(mount->info.root, "//deleted"))
        return fail(e, ENOTSUP, MOUNT_FORMAT ": its source %s: not supported", MOUNT_NAME(mount),
                    mount->info.root);
    return mount->source == MOUNT_NEW ? check_instance(dump, mount, own, e) : 0;
}

int mounts_of_tree(struct dump *dump, const struct owner *root, struct error *e)
{
    mountinfo_list lines = {0}, none = {0};
    const mountinfo_list *own = mounts_of_dumper(dump, e);
    if (!own || read_mounts_of(dump, root, &lines, e) < 0)
        return fail_in(e, "pid %d (%s)", (int)root->pid, root->comm);
    struct mount_table *table = arena_alloc(dump->arena, sizeof(*table));
    table->mounts = arena_alloc(dump->arena, lines.count * sizeof(struct mount));
    for (; table->count < lines.count; table->count++)
        table->mounts[table->count] = mount_from_line(dump, &lines.items[table->count]);
    bool shares_root = mount_table_shares_root(table, own);
    if (mount_table_arrange(table, shares_root ? own : &none, dump->arena, e) < 0)
        return fail_in(e, "pid %d (%s)", (int)root->pid, root->comm);
    for (size_t i = 0; i < table->count; i++)
        if (check_mount(dump, &table->mounts[i], own, e) < 0)
            return fail_in(e, "pid %d (%s)", (int)root->pid, root->comm);
    dump->mounts = table;
    return 0;
}

static void add_entry(const struct mount *mount, struct image *image)
{
    MntEntry entry = MNT_ENTRY__INIT;
    entry.fstype = mount->kind ? mount->kind->number : FSTYPE__UNSUPPORTED;
    entry.fsname = mount->kind ? NULL : (char *)mount->info.type;
    entry.mnt_id = (uint32_t)mount->info.id;
    entry.root_dev = mount->device;
    entry.parent_mnt_id = (uint32_t)mount->info.parent;
    entry.flags = mount->flags;
    entry.root = (char *)mount->info.root;
    entry.mountpoint = (char *)mount->info.point;
    entry.source = (char *)mount->info.source;
    entry.options = (char *)mount->data;
    entry.has_shared_id = entry.has_master_id = entry.has_sb_flags = true;
    entry.shared_id = mount->info.shared;
    entry.master_id = mount->info.master;
    entry.sb_flags = mount->super_flags;
    if (mount->source == MOUNT_EXTERNAL)
        entry.ext_key = (char *)mount->external;
    image_add(image, &entry.base);
}

static int save_contents(struct dump *dump, const struct mount *mount, int root, struct error *e)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    if (mount->source != MOUNT_NEW || !mount->kind->save)
        return 0;
    if (mount_of_path(dump->mounts, mount->info.point) != mount)
        return fail(e, ENOTSUP, MOUNT_FORMAT ": another mount covers it", MOUNT_NAME(mount));
    AUTO_CLOSE int directory =
        (int)syscall(SYS_openat2, root, mount->info.point, &how, sizeof(how));
    if (directory < 0)
        return fail_errno(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    if (mount->kind->save(dump, mount, directory, e) < 0)
        return fail_in(e, MOUNT_FORMAT, MOUNT_NAME(mount));
    return 0;
}

static int save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    AUTO_CLOSE int root = openat(dump->root->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail_errno(e, "its root");
    struct image *image = image_create(dump->images, IMAGE_MNTS, ns->id);
    for (size_t i = 0; i < dump->mounts->count; i++) {
        add_entry(&dump->mounts->mounts[i], image);
        if (save_contents(dump, &dump->mounts->mounts[i], root, e) < 0)
            return -1;
    }
    return image_close(image, e);
}

const struct namespace_kind mount_namespace_kind = {.type = NS_MNT,
                                                    .proc_name = "mnt",
                                                    .clone_flag = CLONE_NEWNS,
                                                    .save = save,
                                                    .fill = mount_tree_fill};
