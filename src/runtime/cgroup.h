/* The cgroups of one container, in this room's own terms; runtime.h has the public calls. */
#ifndef STASIS_RUNTIME_CGROUP_H
#define STASIS_RUNTIME_CGROUP_H

#include <jansson.h>

#include "runtime/cgroup_hierarchies.h"

struct cgroup {
    struct hierarchies hierarchies;
    const char *path; /* linux.cgroupsPath; NULL: the container stays in the caller's cgroups */
};

/* Finds the hierarchies and checks the path. 0 or -1. */
int cgroup_find(struct cgroup *cgroup, const char *path, struct arena *arena, struct error *e);

/* Creates it everywhere and sets linux.resources (may be NULL). What was made before an error
 * stays: cgroup_remove waits for processes in it, so the caller knows when to call it. */
int cgroup_create(const struct cgroup *cgroup, const json_t *resources, struct arena *arena,
                  struct error *e);

/* The first part of it: creates the v2 cgroup, if v2 is mounted. */
int cgroup_create_v2(const struct cgroup *cgroup, struct arena *arena, struct error *e);

/* cgroup_limits.c: sets what linux.resources holds. */
int cgroup_set_limits(const struct cgroup *cgroup, const json_t *resources, struct arena *arena,
                      struct error *e);

/* cgroup_devices.c and cgroup_devices_v2.c: sets linux.resources.devices, an array of rules. */
int cgroup_set_devices(const struct cgroup *cgroup, const json_t *rules, struct arena *arena,
                       struct error *e);

/* cgroup_remove.c */
int cgroup_remove(const struct cgroup *cgroup, struct arena *arena, struct error *e);

/* cgroup_processes.c: adds the pids of `cgroup` (a directory of one hierarchy) and those below. */
struct pids {
    pid_t *items;
    size_t count, capacity;
};
int cgroup_list_pids(int directory, struct pids *pids, struct arena *arena, struct error *e);

/* The one hierarchy that is asked which processes there are; NULL if none is mounted. */
const struct hierarchy *cgroup_witness(const struct cgroup *cgroup);

/* Moves the calling process, which has one thread, into the v1 cgroups. 0 or -1. */
int cgroup_enter(const struct cgroup *cgroup, struct error *e);

/* A descriptor of the v2 cgroup for CLONE_INTO_CGROUP; -1 with e->code 0 where v2 is not mounted.
 */
int cgroup_open_v2(const struct cgroup *cgroup, struct error *e);

#endif
