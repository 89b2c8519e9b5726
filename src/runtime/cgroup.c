#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"

int cgroup_find(struct cgroup *cgroup, const char *path, struct arena *arena, struct error *e)
{
    *cgroup = (struct cgroup){.path = path};
    if (path && !cgroup_path_is_valid(path))
        return fail(e, EINVAL, "linux.cgroupsPath '%s' is not a plain path", path);
    return hierarchies_find(&cgroup->hierarchies, arena, e);
}

/* No process can enter a v1 cpuset before it has processors and memory nodes. */
static int copy_cpuset_value(int parent, int child, const char *file, struct arena *arena,
                             struct error *e)
{
    const char *own = read_file_at(child, file, arena, NULL, e);
    if (!own || (*own && *own != '\n'))
        return own ? 0 : -1;
    const char *value = read_file_at(parent, file, arena, NULL, e);
    return value ? write_string_at(child, file, value, e) : -1;
}

static int inherit_cpuset(int parent, int child, struct arena *arena, struct error *e)
{
    if (copy_cpuset_value(parent, child, "cpuset.cpus", arena, e) < 0)
        return -1;
    return copy_cpuset_value(parent, child, "cpuset.mems", arena, e);
}

/* v2: a controller works in a cgroup only if its parent hands it down. One that cannot be had is
 * missed by the limit that needs it, not here. */
static void hand_controllers_down(int parent, struct arena *arena)
{
    static const char *const wanted[] = {"cpuset", "cpu", "io", "memory", "pids"};
    struct error ignored;
    const char *there = read_file_at(parent, "cgroup.controllers", arena, NULL, &ignored);
    for (size_t i = 0; there && i < sizeof(wanted) / sizeof(*wanted); i++)
        if (strstr(there, wanted[i])) {
            const char *word = arena_printf(arena, "+%s", wanted[i]);
            (void)write_string_at(parent, "cgroup.subtree_control", word, &ignored);
        }
}

static int make_level(const struct hierarchy *hierarchy, int parent, const char *name,
                      struct arena *arena, struct error *e)
{
    if (hierarchy->v2)
        hand_controllers_down(parent, arena);
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return fail_errno(e, "cannot make cgroup %s of %s", name, hierarchy->mount_point);
    AUTO_CLOSE int child = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (child < 0)
        return fail_errno(e, "cgroup %s of %s", name, hierarchy->mount_point);
    if (!strcmp(hierarchy->controllers, "cpuset") && inherit_cpuset(parent, child, arena, e) < 0)
        return fail_in(e, "cgroup %s of %s", name, hierarchy->mount_point);
    return take_fd(&child);
}

/* As mkdir -p; every level is given what its processes will need. */
static int make_levels(const struct hierarchy *hierarchy, const char *path, struct arena *arena,
                       struct error *e)
{
    AUTO_CLOSE int at = open(hierarchy->mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return fail_errno(e, "cgroups at %s", hierarchy->mount_point);
    char *rest = NULL, *words = arena_strdup(arena, path);
    for (char *name = strtok_r(words, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        int next = make_level(hierarchy, at, name, arena, e);
        if (next < 0)
            return -1;
        close(at);
        at = next;
    }
    return 0;
}

static int make_in(const struct hierarchy *hierarchy, const char *path, struct arena *arena,
                   struct error *e)
{
    /* Mostly only the last level is missing, and needs nothing. */
    bool needs_nothing = strcmp(hierarchy->controllers, "cpuset") != 0;
    if (needs_nothing && hierarchy_make_cgroup(hierarchy, path) == 0)
        return 0;
    return make_levels(hierarchy, path, arena, e);
}

int cgroup_create_v2(const struct cgroup *cgroup, struct arena *arena, struct error *e)
{
    const struct hierarchy *v2 = cgroup->path ? hierarchies_v2(&cgroup->hierarchies) : NULL;
    return v2 ? make_in(v2, cgroup->path, arena, e) : 0;
}

static int make_everywhere(const struct cgroup *cgroup, struct arena *arena, struct error *e)
{
    for (size_t i = 0; i < cgroup->hierarchies.count; i++)
        if (!cgroup->hierarchies.items[i].v2 &&
            make_in(&cgroup->hierarchies.items[i], cgroup->path, arena, e) < 0)
            return -1;
    return cgroup_create_v2(cgroup, arena, e);
}

int cgroup_create(const struct cgroup *cgroup, const json_t *resources, struct arena *arena,
                  struct error *e)
{
    if (!cgroup->path)
        return 0;
    if (make_everywhere(cgroup, arena, e) < 0)
        return -1;
    return cgroup_set_limits(cgroup, resources, arena, e);
}

int cgroup_open_v2(const struct cgroup *cgroup, struct error *e)
{
    const struct hierarchy *v2 = cgroup->path ? hierarchies_v2(&cgroup->hierarchies) : NULL;
    e->code = 0;
    if (!v2)
        return -1;
    int fd = hierarchy_open_cgroup(v2, cgroup->path);
    return fd < 0 ? fail_errno(e, "cgroup %s of %s", cgroup->path, v2->mount_point) : fd;
}

/* A thread that moves itself through `tasks` spares the kernel the lock on all forks, whose grace
 * period costs milliseconds with `cgroup.procs`. */
static int enter_v1(const struct hierarchy *hierarchy, const char *path, struct error *e)
{
    AUTO_CLOSE int tasks = hierarchy_open_file(hierarchy, path, "tasks", O_WRONLY);
    if (tasks < 0 || write(tasks, "0", 1) < 0)
        return fail_errno(e, "cannot enter cgroup %s of %s", path, hierarchy->mount_point);
    return 0;
}

int cgroup_enter(const struct cgroup *cgroup, struct error *e)
{
    for (size_t i = 0; cgroup->path && i < cgroup->hierarchies.count; i++) {
        const struct hierarchy *hierarchy = &cgroup->hierarchies.items[i];
        if (!hierarchy->v2 && enter_v1(hierarchy, cgroup->path, e) < 0)
            return -1;
    }
    return 0;
}

static int find_with_resources(struct cgroup *cgroup, const char *path, const char *json_text,
                               json_t **resources, struct arena *arena, struct error *e)
{
    *resources = json_text ? spec_parse(json_text, "linux.resources", e) : NULL;
    if (json_text && !*resources)
        return -1;
    if (!path)
        return fail(e, EINVAL, "linux.cgroupsPath is not given");
    return cgroup_find(cgroup, path, arena, e);
}

int runtime_cgroup_create(const char *cgroups_path, const char *resources_json, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct cgroup cgroup = {0};
    json_t *resources = NULL;
    int done = find_with_resources(&cgroup, cgroups_path, resources_json, &resources, arena, e);
    struct error ignored;
    if (done == 0 && (done = cgroup_create(&cgroup, resources, arena, e)) < 0)
        (void)cgroup_remove(&cgroup, arena, &ignored);
    json_decref(resources);
    return done;
}

int runtime_cgroup_update(const char *cgroups_path, const char *resources_json, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct cgroup cgroup = {0};
    json_t *resources = NULL;
    int done = find_with_resources(&cgroup, cgroups_path, resources_json, &resources, arena, e);
    if (done == 0)
        done = cgroup_set_limits(&cgroup, resources, arena, e);
    json_decref(resources);
    return done;
}

static int add_to(const struct hierarchy *hierarchy, const char *path, const char *pid,
                  struct error *e)
{
    AUTO_CLOSE int directory = hierarchy_open_cgroup(hierarchy, path);
    if (directory < 0)
        return fail_errno(e, "cgroup %s of %s", path, hierarchy->mount_point);
    return write_string_at(directory, "cgroup.procs", pid, e);
}

int runtime_cgroup_add(const char *cgroups_path, pid_t pid, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct cgroup cgroup = {0};
    if (cgroup_find(&cgroup, cgroups_path, arena, e) < 0)
        return -1;
    const char *text = arena_printf(arena, "%d", pid);
    for (size_t i = 0; i < cgroup.hierarchies.count; i++)
        if (add_to(&cgroup.hierarchies.items[i], cgroups_path, text, e) < 0)
            return fail_in(e, "pid %d", pid);
    return 0;
}
