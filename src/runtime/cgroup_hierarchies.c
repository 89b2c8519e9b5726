#include "runtime/cgroup_hierarchies.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

/* Of a v1 hierarchy's super block options ("rw,cpu,cpuacct,clone_children"), the controllers. */
static const char *controllers_of(char *options, struct arena *arena)
{
    static const char *const others[] = {
        "rw", "ro", "noprefix", "clone_children", "xattr", "cpuset_v2_mode", "favordynmods"};
    const char *controllers = "";
    char *rest = NULL;
    for (char *word = strtok_r(options, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        bool other = starts_with(word, "release_agent=");
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
            other = other || !strcmp(others[i], word);
        if (!other)
            controllers = arena_printf(arena, "%s%s%s", controllers, *controllers ? "," : "", word);
    }
    return controllers;
}

static bool is_known(const struct hierarchies *hierarchies, const struct hierarchy *candidate)
{
    for (size_t i = 0; i < hierarchies->count; i++)
        if (hierarchies->items[i].v2 == candidate->v2 &&
            !strcmp(hierarchies->items[i].controllers, candidate->controllers))
            return true;
    return false;
}

int hierarchies_find(struct hierarchies *hierarchies, struct arena *arena, struct error *e)
{
    *hierarchies = (struct hierarchies){0};
    AUTO_CLOSE int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    mountinfo_list mounts = {0};
    if (self < 0)
        return fail_errno(e, "/proc/self");
    if (mountinfo_read(self, arena, &mounts, e) < 0)
        return -1;
    for (size_t i = 0; i < mounts.count; i++) {
        const struct mountinfo *mount = &mounts.items[i];
        bool v2 = !strcmp(mount->type, "cgroup2");
        if (!v2 && strcmp(mount->type, "cgroup") != 0)
            continue;
        char *options = arena_strdup(arena, mount->super_options);
        struct hierarchy found = {mount->point, v2 ? "" : controllers_of(options, arena), v2};
        if (!is_known(hierarchies, &found))
            vec_add(arena, hierarchies, found);
    }
    return 0;
}

static bool list_contains(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && !strncmp(at, word, length))
            return true;
    return false;
}

const struct hierarchy *hierarchies_v1(const struct hierarchies *hierarchies,
                                       const char *controller)
{
    for (size_t i = 0; i < hierarchies->count; i++)
        if (list_contains(hierarchies->items[i].controllers, controller))
            return &hierarchies->items[i];
    return NULL;
}

const struct hierarchy *hierarchies_v2(const struct hierarchies *hierarchies)
{
    for (size_t i = 0; i < hierarchies->count; i++)
        if (hierarchies->items[i].v2)
            return &hierarchies->items[i];
    return NULL;
}

bool cgroup_path_is_valid(const char *cgroups_path)
{
    const char *path = cgroups_path + (*cgroups_path == '/');
    return *path && *path != '/' && path_is_plain(path);
}

/* One lookup instead of three calls: cgroup file systems hold no links, the path no `..`. */
static int write_path(char path[PATH_MAX], const struct hierarchy *hierarchy,
                      const char *cgroups_path, const char *file)
{
    int length = snprintf(path, PATH_MAX, "%s/%s/%s", hierarchy->mount_point, cgroups_path, file);
    if (length >= 0 && length < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int hierarchy_open_file(const struct hierarchy *hierarchy, const char *cgroups_path,
                        const char *file, int flags)
{
    char path[PATH_MAX];
    if (write_path(path, hierarchy, cgroups_path, file) < 0)
        return -1;
    return open(path, flags | O_CLOEXEC);
}

int hierarchy_open_cgroup(const struct hierarchy *hierarchy, const char *cgroups_path)
{
    return hierarchy_open_file(hierarchy, cgroups_path, "", O_RDONLY | O_DIRECTORY);
}

int hierarchy_make_cgroup(const struct hierarchy *hierarchy, const char *cgroups_path)
{
    char path[PATH_MAX];
    if (write_path(path, hierarchy, cgroups_path, "") < 0)
        return -1;
    return mkdir(path, 0755);
}
