/* Control groups of the tree. See cgroups(7), cgroup_namespaces(7). */
#ifndef STASIS_OBJECTS_CGROUP_H
#define STASIS_OBJECTS_CGROUP_H

#include "objects/object.h"

/* Ids of the sets of cgroups that tasks are in. The dumper's own is the first. */
enum { CGROUP_SET_OF_DUMPER = 1 };

/* Fills sets[i] with the image id of the cgroups that owners[i] is in (owners[0] is the root task)
 * and, where options->manage_cgroups asks for it and the tree is not in the dumper's own cgroups,
 * writes cgroup.img: the sets, and the directories with their properties. 0, or -1 with *e. */
int cgroups_save(struct dump *dump, const struct owner *owners, size_t count, uint32_t *sets,
                 struct error *e);

/* Restore: reads cgroup.img and makes what is missing of its directories, with their properties,
 * below the roots of options->cgroup_roots. NULL with e->code 0 where the image has none or cgroups
 * are not managed. Runs in the builder's namespaces. */
struct cgroup_plan *cgroups_prepare(struct restore *restore, struct error *e);

/* Moves a process (all its threads) into the cgroups of `set`. The builder's pid namespace counts
 * `pid`. Does nothing for the dumper's own set and where `plan` is NULL. */
int cgroups_enter(const struct cgroup_plan *plan, uint32_t set, pid_t pid, struct error *e);

/* The path relative to a cgroup v1 hierarchy's or the v2 tree's mount, for CLONE_INTO_CGROUP: an
 * open descriptor of the v2 directory of `set`, the caller's; -1 without *e where there is none. */
int cgroups_open_v2(const struct cgroup_plan *plan, uint32_t set);

/* Removes the directories that cgroups_prepare made (after a failed restore). */
void cgroups_undo(const struct cgroup_plan *plan);

#endif
