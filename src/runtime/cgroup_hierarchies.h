/* The cgroup hierarchies that are mounted: several of v1, one of v2, or both. cgroups(7). */
#ifndef STASIS_RUNTIME_CGROUP_HIERARCHIES_H
#define STASIS_RUNTIME_CGROUP_HIERARCHIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct hierarchy {
    const char *mount_point;
    const char *controllers; /* v1: "cpu,cpuacct", "name=systemd"; v2: "" */
    bool v2;
};

struct hierarchies {
    struct hierarchy *items;
    size_t count, capacity;
};

/* Reads /proc/self/mountinfo. 0 or -1; no cgroups at all is no error. */
int hierarchies_find(struct hierarchies *hierarchies, struct arena *arena, struct error *e);

/* The v1 hierarchy of a controller ("memory"), else NULL. */
const struct hierarchy *hierarchies_v1(const struct hierarchies *hierarchies,
                                       const char *controller);
const struct hierarchy *hierarchies_v2(const struct hierarchies *hierarchies);

/* Opens a cgroup's directory, or one file of it (O_CLOEXEC | flags). -1 with errno. */
int hierarchy_open_cgroup(const struct hierarchy *hierarchy, const char *cgroups_path);
int hierarchy_open_file(const struct hierarchy *hierarchy, const char *cgroups_path,
                        const char *file, int flags);

/* Makes the directory of a cgroup whose parent exists. 0, or -1 with errno. */
int hierarchy_make_cgroup(const struct hierarchy *hierarchy, const char *cgroups_path);

/* Is this a path that names a cgroup below the top one, and nothing else? */
bool cgroup_path_is_valid(const char *cgroups_path);

#endif
