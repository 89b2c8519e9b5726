/* Vessels as processes: started, waited for, let go, or killed. */
#ifndef STASIS_RESTORE_RUN_H
#define STASIS_RESTORE_RUN_H

#include "restore/tree.h"

/* pids.c: fails where a process has the number of one of the tree's; waits for one that is dying.
 */
int claim_ids(struct tree *tree, struct error *e);

/* start.c: forks the root vessel, which runs its script from here on. */
int start_root(struct tree *tree, struct error *e);
/* Runs `visit` in a short-lived process that is inside the root vessel's namespaces, with the
 * builder's memory and descriptors but root and working directory of its own. */
int visit_root(struct tree *tree, int (*visit)(struct tree *tree, struct error *e),
               struct error *e);
void let_root_go(struct tree *tree);

/* Waits until every script has come to its end; on failure *e names process and call. */
int wait_until_built(struct tree *tree, struct error *e);
/* Waits until a word of the area is `value`. */
int wait_for_word(struct tree *tree, uint64_t word, uint32_t value, struct error *e);

/* hosts.c: the ids by which the builder knows the vessels. */
int find_hosts(struct tree *tree, struct error *e);
pid_t host_of_vessel(struct tree *tree, const struct task *task); /* 0: not there */

/* owners.c: who is signalled when files become ready. */
int set_file_owners(struct tree *tree, struct error *e);

/* Kills all vessels and waits until they are gone. */
void kill_vessels(struct tree *tree);

/* release.c: sets the registers of every thread, takes the scripts out and lets them all go. */
int release_tree(struct tree *tree, struct error *e);

#endif
