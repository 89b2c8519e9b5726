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

/* What a new process needs to enter the cgroups of a set by itself. Moving it from outside makes
 * the kernel wait for all processors (six milliseconds and more); these do not. */
struct cgroup_doors {
    int tasks[32]; /* `tasks` of v1 cgroups: it writes "0", while it has one thread */
    size_t count;
    int v2; /* for clone3(2), CLONE_INTO_CGROUP; -1: none to enter */
};

/* Opens them for `set` (see cgroups_enter for the rest); no doors for the dumper's own set and
 * where `plan` is NULL. 0, or -1 with *e and nothing open. */
int cgroup_doors_open(const struct cgroup_plan *plan, uint32_t set, bool to_namespace_root,
                      struct cgroup_doors *doors, struct error *e);
void cgroup_doors_close(struct cgroup_doors *doors);

/* Moves a process (all its threads) into the cgroups of `set`; only needed where its maker was in
 * another. The caller's pid namespace counts `pid`; 0 is the caller. Does nothing for the dumper's
 * own set and where `plan` is NULL. A cgroup namespace's root is where the root task is when it
 * calls unshare(2), so it goes to the namespace's root with `to_namespace_root` first, where the
 * image has another place for it. */
int cgroups_enter(const struct cgroup_plan *plan, uint32_t set, pid_t pid, bool to_namespace_root,
                  struct error *e);

/* Removes the directories that cgroups_prepare made (after a failed restore), as far as they are
 * empty. Nothing where `plan` is NULL. */
void cgroups_undo(const struct cgroup_plan *plan);

#endif
