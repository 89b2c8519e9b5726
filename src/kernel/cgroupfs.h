/* Which cgroups a process is in, and where hierarchies are mounted. See cgroups(7). */
#ifndef STASIS_KERNEL_CGROUPFS_H
#define STASIS_KERNEL_CGROUPFS_H

#include "base/arena.h"
#include "base/error.h"
#include "kernel/mountinfo.h"

/* One line of /proc/PID/cgroup: the controllers of a hierarchy ("cpu,cpuacct", "name=systemd", ""
 * for the v2 tree) and the path below its top, as the caller's cgroup namespace has it. */
struct cgroup_place {
    const char *controllers;
    const char *path;
};
typedef VEC(struct cgroup_place) cgroup_places;

/* Splits the text of /proc/PID/cgroup, which is changed by it and must live as long. */
void cgroup_places_of(char *text, struct arena *arena, cgroup_places *places);

/* Opens (O_PATH) the directory of the cgroup `path` in the hierarchy with these controllers, by one
 * of the mounts. -1 with errno; ENODEV where it is mounted nowhere. */
int cgroup_open(const mountinfo_list *mounts, const char *controllers, const char *path);

/* The mount that shows the cgroup `path` of that hierarchy, or NULL. */
const struct mountinfo *cgroup_find_mount(const mountinfo_list *mounts, const char *controllers,
                                          const char *path);

#endif
