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

/* ---- restore ---- */

struct cgroup_plan;

/* Reads cgroup.img and makes what is missing of its directories, with their properties. Paths at
 * or below the root task's own (it was in `root_set`) move to the roots that options->cgroup_roots
 * give; hierarchies that are not mounted here are left out. NULL with e->code 0 where there is
 * nothing to do: cgroups are not managed, or the image has none. NULL with *e. Runs in the
 * builder's namespaces. */
struct cgroup_plan *cgroups_prepare(struct restore *restore, uint32_t root_set, struct error *e);

/* How far a process goes. A cgroup namespace's root is where its maker is when it calls unshare(2),
 * and the root task may have gone on below it. */
enum cgroup_stop {
    CGROUP_OWN,            /* where the image has it */
    CGROUP_NAMESPACE_ROOT, /* at the root of its cgroup namespace */
    CGROUP_OWN_BELOW_ROOT  /* where the image has it, hierarchies where that is the root left out */
};

/* What a new process needs to enter the cgroups of a set by itself. Moving it from outside makes
 * the kernel wait for all processors (six milliseconds and more); these do not. */
struct cgroup_doors {
    int tasks[32]; /* files that it writes "0" to, while it has one thread */
    size_t count;
    int v2; /* for clone3(2), CLONE_INTO_CGROUP; -1: none to enter */
};

/* Opens them for `set`; no doors for the dumper's own set and where `plan` is NULL. 0, or -1 with
 * *e and nothing open. */
int cgroup_doors_open(const struct cgroup_plan *plan, uint32_t set, enum cgroup_stop stop,
                      struct cgroup_doors *doors, struct error *e);
void cgroup_doors_close(struct cgroup_doors *doors);

/* Moves a process (all its threads) from outside into the cgroups of `set`: only where it cannot
 * enter by itself. The caller's pid namespace counts `pid`. Does nothing for the dumper's own set
 * and where `plan` is NULL. */
int cgroups_enter(const struct cgroup_plan *plan, uint32_t set, pid_t pid, struct error *e);

/* Removes the directories that cgroups_prepare made (after a failed restore), as far as they are
 * empty. Nothing where `plan` is NULL. */
void cgroups_undo(const struct cgroup_plan *plan);

#endif
