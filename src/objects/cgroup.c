#include "objects/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "kernel/cgroupfs.h"
#include "kernel/nsvisit.h"
#include "kernel/procfs.h"
#include "objects/cgroup_properties.h"
#include "objects/mount.h"
#include "objects/namespace.h"
#include "objects/namespace_kinds.h"

/* The cgroups that some tasks are in together, one in each hierarchy. */
struct cgroup_set {
    const char *text; /* of /proc/PID/cgroup: what makes sets the same or not */
    cgroup_places places;
};

struct cgroup_sets {
    struct dump *dump;
    const mountinfo_list *mounts; /* the dumper's */
    VEC(struct cgroup_set) sets;  /* id 1 first */
    cgroup_places inside;         /* the root task's places as its cgroup namespace has them */
};

static uint32_t set_of(struct cgroup_sets *sets, char *text)
{
    for (size_t i = 0; i < sets->sets.count; i++)
        if (!strcmp(sets->sets.items[i].text, text))
            return (uint32_t)i + 1;
    struct arena *arena = sets->dump->arena;
    struct cgroup_set *set = vec_push(arena, &sets->sets);
    set->text = arena_strdup(arena, text);
    cgroup_places_of(text, arena, &set->places);
    return (uint32_t)sets->sets.count;
}

static int read_own_set(struct cgroup_sets *sets, struct error *e)
{
    AUTO_CLOSE int self = proc_open_self(e);
    char *text = self < 0 ? NULL : read_file_at(self, "cgroup", sets->dump->arena, NULL, e);
    if (!text)
        return -1;
    set_of(sets, text);
    sets->mounts = mounts_of_dumper(sets->dump, e);
    return sets->mounts ? 0 : -1;
}

static int read_sets(struct cgroup_sets *sets, const struct owner *owners, size_t count,
                     uint32_t *ids, struct error *e)
{
    if (read_own_set(sets, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char *text = read_file_at(owners[i].proc, "cgroup", sets->dump->arena, NULL, e);
        if (!text)
            return fail_in(e, "pid %d (%s)", (int)owners[i].pid, owners[i].comm);
        ids[i] = set_of(sets, text);
    }
    return 0;
}

/* ---- members of sets ---- */

/* /proc/PID/cgroup shows paths below the root of its reader's cgroup namespace. */
static int read_places_inside(struct cgroup_sets *sets, const struct owner *root, struct error *e)
{
    AUTO_NSVISIT struct nsvisit visit;
    int flags = namespace_is_foreign(sets->dump, NS_CGROUP) ? CLONE_NEWCGROUP : 0;
    if (nsvisit_begin(&visit, root->pidfd, flags, e) < 0)
        return -1;
    char *text = flags ? read_file_at(root->proc, "cgroup", sets->dump->arena, NULL, e) : NULL;
    if (flags && !text)
        return -1;
    if (text)
        cgroup_places_of(text, sets->dump->arena, &sets->inside);
    return 0;
}

/* How much of the root task's path in a hierarchy lies above its namespace's root; 0: nothing. */
static uint32_t namespace_prefix(const struct cgroup_sets *sets, const struct cgroup_place *outside)
{
    for (size_t i = 0; i < sets->inside.count; i++) {
        const struct cgroup_place *inside = &sets->inside.items[i];
        if (strcmp(inside->controllers, outside->controllers) != 0)
            continue;
        size_t whole = strlen(outside->path), rest = strlen(inside->path);
        if (!strcmp(inside->path, "/"))
            return whole > 1 ? (uint32_t)whole : 0;
        return rest < whole && !strcmp(outside->path + whole - rest, inside->path)
                   ? (uint32_t)(whole - rest)
                   : 0;
    }
    return 0;
}

static const struct cgroup_place *place_in(const struct cgroup_set *set, const char *controllers)
{
    for (size_t i = 0; i < set->places.count; i++)
        if (!strcmp(set->places.items[i].controllers, controllers))
            return &set->places.items[i];
    return NULL;
}

static CgMemberEntry *member_entry(struct cgroup_sets *sets, const struct cgroup_place *place,
                                   const struct cgroup_set *root)
{
    const struct cgroup_place *root_place = root ? place_in(root, place->controllers) : NULL;
    CgMemberEntry *member = arena_alloc(sets->dump->arena, sizeof(*member));
    cg_member_entry__init(member);
    member->name = (char *)place->controllers;
    member->path = (char *)place->path;
    member->cgns_prefix = root_place ? namespace_prefix(sets, root_place) : 0;
    member->has_cgns_prefix = member->cgns_prefix != 0;
    return member;
}

static CgSetEntry *set_entry(struct cgroup_sets *sets, size_t index, const struct cgroup_set *root)
{
    const struct cgroup_set *set = &sets->sets.items[index];
    CgSetEntry *entry = arena_alloc(sets->dump->arena, sizeof(*entry));
    cg_set_entry__init(entry);
    entry->id = (uint32_t)index + 1;
    entry->n_ctls = set->places.count;
    entry->ctls = arena_alloc(sets->dump->arena, set->places.count * sizeof(*entry->ctls));
    for (size_t i = 0; i < set->places.count; i++)
        entry->ctls[i] = member_entry(sets, &set->places.items[i], index ? root : NULL);
    return entry;
}

/* ---- directories ---- */

static CgroupDirEntry *directory_entry(struct dump *dump, int directory, const char *controllers,
                                       const char *name, struct error *e);

static int add_child(struct dump *dump, int directory, const char *controllers, const char *name,
                     CgroupDirEntry *entry, struct error *e)
{
    AUTO_CLOSE int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return fail_errno(e, "%s", name);
    CgroupDirEntry *added =
        directory_entry(dump, child, controllers, arena_strdup(dump->arena, name), e);
    if (!added)
        return fail_in(e, "%s", name);
    entry->children[entry->n_children++] = added;
    return 0;
}

static int add_children(struct dump *dump, int directory, const char *controllers,
                        CgroupDirEntry *entry, struct error *e)
{
    struct stat st;
    /* A directory has two links and one of each directory in it. */
    if (fstat(directory, &st) < 0 || st.st_nlink <= 2)
        return 0;
    AUTO_CLOSEDIR DIR *list = open_list(directory);
    if (!list)
        return fail_errno(e, "cannot list it");
    entry->children = arena_alloc(dump->arena, (st.st_nlink - 2) * sizeof(*entry->children));
    for (struct dirent *child; (child = readdir(list));)
        if (child->d_type == DT_DIR && child->d_name[0] != '.' &&
            entry->n_children < st.st_nlink - 2 &&
            add_child(dump, directory, controllers, child->d_name, entry, e) < 0)
            return -1;
    return 0;
}

static CgroupDirEntry *directory_entry(struct dump *dump, int directory, const char *controllers,
                                       const char *name, struct error *e)
{
    CgroupDirEntry *entry = arena_alloc(dump->arena, sizeof(*entry));
    cgroup_dir_entry__init(entry);
    entry->dir_name = (char *)name;
    if (cgroup_properties_read(dump->arena, directory, controllers, entry, e) < 0 ||
        add_children(dump, directory, controllers, entry, e) < 0)
        return NULL;
    return entry;
}

/* Is this directory, or one above it, already noted? */
static bool is_covered(const CgControllerEntry *entry, const char *path)
{
    for (size_t i = 0; i < entry->n_dirs; i++)
        if (path_is_below(path, entry->dirs[i]->dir_name))
            return true;
    return false;
}

static int add_directory(struct cgroup_sets *sets, const struct cgroup_place *place,
                         CgControllerEntry *entry, struct error *e)
{
    AUTO_CLOSE int path = cgroup_open(sets->mounts, place->controllers, place->path);
    if (path < 0 && errno == ENODEV)
        return 0;
    AUTO_CLOSE int directory =
        path < 0 ? -1 : openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return fail_errno(e, "cgroup %s:%s", place->controllers, place->path);
    CgroupDirEntry *added =
        directory_entry(sets->dump, directory, place->controllers, place->path, e);
    if (!added)
        return fail_in(e, "cgroup %s:%s", place->controllers, place->path);
    entry->dirs[entry->n_dirs++] = added;
    return 0;
}

static char **split_names(struct arena *arena, const char *controllers, size_t *count)
{
    VEC(char *) names = {0};
    for (const char *at = controllers;; at++) {
        size_t length = strcspn(at, ",");
        vec_add(arena, &names, arena_strndup(arena, at, length));
        at += length;
        if (!*at)
            break;
    }
    *count = names.count;
    return names.items;
}

/* One hierarchy: the directories of all sets but the dumper's own, which are not the tree's. */
static CgControllerEntry *controller_entry(struct cgroup_sets *sets, const struct cgroup_place *own,
                                           struct error *e)
{
    struct arena *arena = sets->dump->arena;
    CgControllerEntry *entry = arena_alloc(arena, sizeof(*entry));
    cg_controller_entry__init(entry);
    entry->cnames = split_names(arena, own->controllers, &entry->n_cnames);
    entry->dirs = arena_alloc(arena, sets->sets.count * sizeof(*entry->dirs));
    for (size_t i = 1; i < sets->sets.count; i++) {
        const struct cgroup_place *place = place_in(&sets->sets.items[i], own->controllers);
        if (!place || !strcmp(place->path, "/") || !strcmp(place->path, own->path) ||
            is_covered(entry, place->path))
            continue;
        if (add_directory(sets, place, entry, e) < 0)
            return NULL;
    }
    return entry;
}

static int write_image(struct cgroup_sets *sets, uint32_t root_id, struct error *e)
{
    struct arena *arena = sets->dump->arena;
    const struct cgroup_set *root = &sets->sets.items[root_id - 1], *own = &sets->sets.items[0];
    CgroupEntry entry = CGROUP_ENTRY__INIT;
    entry.n_sets = sets->sets.count;
    entry.sets = arena_alloc(arena, entry.n_sets * sizeof(*entry.sets));
    for (size_t i = 0; i < entry.n_sets; i++)
        entry.sets[i] = set_entry(sets, i, root);
    entry.controllers = arena_alloc(arena, own->places.count * sizeof(*entry.controllers));
    for (size_t i = 0; i < own->places.count; i++) {
        CgControllerEntry *controller = controller_entry(sets, &own->places.items[i], e);
        if (!controller)
            return -1;
        if (controller->n_dirs)
            entry.controllers[entry.n_controllers++] = controller;
    }
    return image_write_one(sets->dump->images, IMAGE_CGROUP, 0, &entry.base, e);
}

int cgroups_save(struct dump *dump, const struct owner *owners, size_t count, uint32_t *ids,
                 struct error *e)
{
    struct cgroup_sets sets = {.dump = dump};
    for (size_t i = 0; i < count; i++)
        ids[i] = CGROUP_SET_OF_DUMPER;
    if (!dump->options->manage_cgroups)
        return 0;
    if (read_sets(&sets, owners, count, ids, e) < 0)
        return -1;
    if (sets.sets.count == 1)
        return 0;
    if (read_places_inside(&sets, &owners[0], e) < 0)
        return fail_in(e, "pid %d (%s)", (int)owners[0].pid, owners[0].comm);
    return write_image(&sets, ids[0], e);
}

/* Entered by unshare(2) once the root task is in its cgroups: its root is what they are then. */
const struct namespace_kind cgroup_namespace_kind = {
    .type = NS_CGROUP, .proc_name = "cgroup", .clone_flag = CLONE_NEWCGROUP};
