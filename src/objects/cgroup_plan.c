/* Cgroups at restore: where the image's directories are here, and who goes into them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "kernel/cgroupfs.h"
#include "kernel/procfs.h"
#include "objects/cgroup.h"
#include "objects/cgroup_properties.h"

struct made_directory {
    const char *controllers, *path;
};

struct cgroup_plan {
    struct restore *restore;
    mountinfo_list mounts; /* the builder's */
    const CgroupEntry *image;
    const CgSetEntry *root; /* the root task's */
    VEC(struct made_directory) made;
};

static const CgSetEntry *find_set(const struct cgroup_plan *plan, uint32_t id)
{
    for (size_t i = 0; i < plan->image->n_sets; i++)
        if (plan->image->sets[i]->id == id)
            return plan->image->sets[i];
    return NULL;
}

static const CgMemberEntry *find_member(const CgSetEntry *set, const char *controllers)
{
    for (size_t i = 0; set && i < set->n_ctls; i++)
        if (!strcmp(set->ctls[i]->name, controllers))
            return set->ctls[i];
    return NULL;
}

static const char *join_names(struct arena *arena, const CgControllerEntry *controller)
{
    const char *joined = controller->n_cnames ? controller->cnames[0] : "";
    for (size_t i = 1; i < controller->n_cnames; i++)
        joined = arena_printf(arena, "%s,%s", joined, controller->cnames[i]);
    return joined;
}

/* ---- paths of the image, here ---- */

static const char *new_root_for(const struct stasis_options *options, const char *controllers)
{
    const char *all = NULL;
    for (size_t i = 0; i < options->cgroup_roots_count; i++) {
        const struct stasis_mapping *root = &options->cgroup_roots[i];
        if (!root->key || !*root->key)
            all = root->value;
        else if (!strcmp(root->key, controllers))
            return root->value;
    }
    return all;
}

/* Where the dumper was too, the tree had no cgroup of its own: it stays where its builder is. */
static bool is_the_dumpers(const struct cgroup_plan *plan, const char *controllers,
                           const char *path)
{
    const CgMemberEntry *own = find_member(find_set(plan, CGROUP_SET_OF_DUMPER), controllers);
    return own && !strcmp(own->path, path);
}

static const char *path_here(const struct cgroup_plan *plan, const char *controllers,
                             const char *path)
{
    const char *root = new_root_for(plan->restore->options, controllers);
    const CgMemberEntry *old = find_member(plan->root, controllers);
    if (!root || !old || is_the_dumpers(plan, controllers, old->path) || !strcmp(old->path, "/") ||
        !path_is_below(path, old->path))
        return path;
    return arena_printf(plan->restore->arena, "%s%s%s", root[0] == '/' ? "" : "/", root,
                        path_below(path, old->path));
}

static int check_path(const char *path, struct error *e)
{
    if (path[0] != '/' || (path[1] && !path_is_plain(path)))
        return fail(e, EBADMSG, "cgroup '%s' is no path", path);
    return 0;
}

static int check_image(const struct cgroup_plan *plan, struct error *e)
{
    for (size_t i = 0; i < plan->image->n_sets; i++)
        for (size_t j = 0; j < plan->image->sets[i]->n_ctls; j++)
            if (check_path(plan->image->sets[i]->ctls[j]->path, e) < 0)
                return -1;
    return 0;
}

/* ---- directories ---- */

static int fill_directory(struct cgroup_plan *plan, const char *controllers, const char *path,
                          const CgroupDirEntry *entry, struct error *e)
{
    AUTO_CLOSE int directory = cgroup_open(&plan->mounts, controllers, path);
    if (directory < 0)
        return fail_errno(e, "cannot open it");
    return cgroup_properties_write(plan->restore->arena, directory, entry, e);
}

static const char *path_above(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

/* 1: made it, 0: it was there, -1 with *e. */
static int make_directory(struct cgroup_plan *plan, const char *controllers, const char *path,
                          struct error *e)
{
    struct arena *arena = plan->restore->arena;
    const char *slash = strrchr(path, '/');
    const char *above = path_above(arena, path);
    AUTO_CLOSE int there = cgroup_open(&plan->mounts, controllers, path);
    if (there >= 0)
        return 0;
    if (slash != path && make_directory(plan, controllers, above, e) < 0)
        return -1;
    AUTO_CLOSE int parent = cgroup_open(&plan->mounts, controllers, above);
    if (parent < 0 || mkdirat(parent, slash + 1, 0755) < 0)
        return fail_errno(e, "cannot make it");
    vec_add(arena, &plan->made, ((struct made_directory){controllers, path}));
    return 1;
}

static int make_directories(struct cgroup_plan *plan, const char *controllers, const char *above,
                            const CgroupDirEntry *entry, struct error *e)
{
    struct arena *arena = plan->restore->arena;
    const char *name = entry->dir_name[0] == '/' ? entry->dir_name + 1 : entry->dir_name;
    const char *path = arena_printf(arena, "%s/%s", strcmp(above, "/") != 0 ? above : "", name);
    if (check_path(path, e) < 0)
        return -1;
    const char *here = path_here(plan, controllers, path);
    int made = make_directory(plan, controllers, here, e);
    /* What was there before has the properties that its maker gave it. */
    if (made < 0 || (made && fill_directory(plan, controllers, here, entry, e) < 0))
        return fail_in(e, "cgroup %s:%s", controllers, here);
    for (size_t i = 0; i < entry->n_children; i++)
        if (make_directories(plan, controllers, path, entry->children[i], e) < 0)
            return -1;
    return 0;
}

static int make_all_directories(struct cgroup_plan *plan, struct error *e)
{
    for (size_t i = 0; i < plan->image->n_controllers; i++) {
        const CgControllerEntry *controller = plan->image->controllers[i];
        const char *names = join_names(plan->restore->arena, controller);
        if (!cgroup_find_mount(&plan->mounts, names, "/")) {
            log_line(plan->restore->log, LOG_WARNING, "cgroup hierarchy '%s' is not mounted here",
                     names);
            continue;
        }
        for (size_t j = 0; j < controller->n_dirs; j++)
            if (make_directories(plan, names, "/", controller->dirs[j], e) < 0)
                return -1;
    }
    return 0;
}

static int read_image(struct cgroup_plan *plan, struct error *e)
{
    struct restore *restore = plan->restore;
    plan->image = image_read_one(restore->arena, restore->images_dir, IMAGE_CGROUP, 0,
                                 &cgroup_entry__descriptor, e);
    return plan->image ? check_image(plan, e) : -1;
}

static int read_mounts(struct cgroup_plan *plan, struct error *e)
{
    AUTO_CLOSE int self = proc_open_self(e);
    return self < 0 ? -1 : mountinfo_read(self, plan->restore->arena, &plan->mounts, e);
}

struct cgroup_plan *cgroups_prepare(struct restore *restore, uint32_t root_set, struct error *e)
{
    *e = (struct error){0};
    if (!restore->options->manage_cgroups ||
        faccessat(restore->images_dir, "cgroup.img", F_OK, 0) < 0)
        return NULL;
    struct cgroup_plan *plan = arena_alloc(restore->arena, sizeof(*plan));
    plan->restore = restore;
    if (read_image(plan, e) < 0 || read_mounts(plan, e) < 0)
        return NULL;
    plan->root = find_set(plan, root_set);
    if (make_all_directories(plan, e) < 0) {
        cgroups_undo(plan);
        return NULL;
    }
    return plan;
}

/* A cgroup is busy for a moment after its last process was reaped. */
static void remove_directory(const struct cgroup_plan *plan, const struct made_directory *made)
{
    enum { TRIES = 500 };
    const struct timespec moment = {.tv_nsec = 1000000};
    AUTO_CLOSE int above =
        cgroup_open(&plan->mounts, made->controllers, path_above(plan->restore->arena, made->path));
    for (int i = 0; above >= 0 && i < TRIES; i++) {
        if (unlinkat(above, strrchr(made->path, '/') + 1, AT_REMOVEDIR) == 0 || errno != EBUSY)
            return;
        nanosleep(&moment, NULL);
    }
}

void cgroups_undo(const struct cgroup_plan *plan)
{
    for (size_t i = plan ? plan->made.count : 0; i > 0; i--)
        remove_directory(plan, &plan->made.items[i - 1]);
}

/* ---- membership ---- */

static bool is_below_namespace_root(const CgMemberEntry *member)
{
    return member->has_cgns_prefix && member->cgns_prefix &&
           member->cgns_prefix < strlen(member->path);
}

static const char *member_path(const struct cgroup_plan *plan, const CgMemberEntry *member,
                               enum cgroup_stop stop)
{
    const char *path = member->path;
    if (stop == CGROUP_NAMESPACE_ROOT && is_below_namespace_root(member))
        path = arena_strndup(plan->restore->arena, path, member->cgns_prefix);
    return path_here(plan, member->name, path);
}

/* The directory, O_PATH; -1 with e->code 0 where there is nothing to enter. */
static int open_place(const struct cgroup_plan *plan, const CgMemberEntry *member,
                      enum cgroup_stop stop, struct error *e)
{
    *e = (struct error){0};
    if (is_the_dumpers(plan, member->name, member->path) ||
        (stop == CGROUP_OWN_BELOW_ROOT && !is_below_namespace_root(member)))
        return -1;
    const char *path = member_path(plan, member, stop);
    int directory = cgroup_open(&plan->mounts, member->name, path);
    if (directory < 0 && errno != ENODEV)
        fail_errno(e, "cgroup %s:%s", member->name, path);
    return directory;
}

static int find_set_to_enter(const struct cgroup_plan *plan, uint32_t id, const CgSetEntry **set,
                             struct error *e)
{
    *set = NULL;
    if (!plan || id == CGROUP_SET_OF_DUMPER || !id)
        return 0;
    *set = find_set(plan, id);
    return *set ? 0 : fail(e, EBADMSG, "image has no set %u of cgroups", id);
}

int cgroups_enter(const struct cgroup_plan *plan, uint32_t id, pid_t pid, struct error *e)
{
    const CgSetEntry *set;
    char number[32];
    snprintf(number, sizeof(number), "%d", (int)pid);
    if (find_set_to_enter(plan, id, &set, e) < 0)
        return -1;
    for (size_t i = 0; set && i < set->n_ctls; i++) {
        AUTO_CLOSE int directory = open_place(plan, set->ctls[i], CGROUP_OWN, e);
        if (directory < 0 && e->code)
            return -1;
        if (directory >= 0 && write_string_at(directory, "cgroup.procs", number, e) < 0)
            return fail_in(e, "cgroup %s:%s", set->ctls[i]->name, set->ctls[i]->path);
    }
    return 0;
}

static int open_door(const struct cgroup_plan *plan, const CgMemberEntry *member,
                     enum cgroup_stop stop, struct cgroup_doors *doors, struct error *e)
{
    AUTO_CLOSE int directory = open_place(plan, member, stop, e);
    if (directory < 0)
        return e->code ? -1 : 0;
    bool v2 = !*member->name;
    if (v2 && stop != CGROUP_OWN_BELOW_ROOT && doors->v2 < 0) {
        doors->v2 = take_fd(&directory);
        return 0;
    }
    if (doors->count == sizeof(doors->tasks) / sizeof(doors->tasks[0]))
        return fail(e, EBADMSG, "image has more than %zu hierarchies of cgroups", doors->count);
    int tasks = openat(directory, v2 ? "cgroup.procs" : "tasks", O_WRONLY | O_CLOEXEC);
    if (tasks < 0)
        return fail_errno(e, "cgroup %s:%s", member->name, member->path);
    doors->tasks[doors->count++] = tasks;
    return 0;
}

int cgroup_doors_open(const struct cgroup_plan *plan, uint32_t id, enum cgroup_stop stop,
                      struct cgroup_doors *doors, struct error *e)
{
    const CgSetEntry *set;
    *doors = (struct cgroup_doors){.v2 = -1};
    if (find_set_to_enter(plan, id, &set, e) < 0)
        return -1;
    for (size_t i = 0; set && i < set->n_ctls; i++)
        if (open_door(plan, set->ctls[i], stop, doors, e) < 0) {
            cgroup_doors_close(doors);
            return -1;
        }
    return 0;
}

void cgroup_doors_close(struct cgroup_doors *doors)
{
    for (; doors->count; doors->count--)
        close(doors->tasks[doors->count - 1]);
    if (doors->v2 >= 0)
        close(doors->v2);
    doors->v2 = -1;
}
