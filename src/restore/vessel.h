/* The scripts that turn vessels into the processes of the image. Each function adds one part to the
 * script of a thread; a full area shows at the script's end. */
#ifndef STASIS_RESTORE_VESSEL_H
#define STASIS_RESTORE_VESSEL_H

#include <sys/resource.h>

#include "restore/tree.h"

/* What vessels inherit from the builder: what is as the image wants it need not be set. */
struct baseline {
    struct rlimit limits[RLIM_NLIMITS];
    uint64_t ignored_signals; /* bit n - 1: SIG_IGN */
    uint64_t permitted;       /* capabilities */
    uint64_t last_capability;
    int policy, nice;
    uint32_t priority;
    int32_t oom_score_adj;
    bool timers_by_id; /* prctl(PR_TIMER_CREATE_RESTORE_IDS), Linux 6.15 */
};
int learn_baseline(struct baseline *before, struct error *e); /* baseline.c */

/* An address where the area fits between the mappings of all processes and the builder's, and the
 * area there, with the runner in it. */
int map_area(struct tree *tree, struct error *e); /* area.c */
void unmap_area(struct tree *tree);
/* A new 32-bit word of the area, 0. */
uint64_t new_word(struct tree *tree);

/* vessel.c: begins the scripts of all threads with what a vessel does first; where the root has to
 * wait for tree->go, it can be started with that. Then, once files and memory are staged, writes
 * the rest of them. */
int begin_scripts(struct tree *tree, struct error *e);
int write_scripts(struct tree *tree, struct error *e);

#define MUST(script, words, number, ...)                                                           \
    script_must_succeed(SCRIPT_CALL((script), (words), (number), __VA_ARGS__))

/* vessel_memory.c */
void write_clearing(struct tree *tree, struct task *task); /* nothing but the area is left */
int write_mappings(struct tree *tree, struct task *task, struct error *e); /* and their pages */
void write_protections(struct tree *tree, struct task *task);              /* after all forks */

/* vessel_fork.c */
void write_fork(struct tree *tree, struct task *maker, struct task *task);
void write_thread(struct tree *tree, struct thread *thread);
void write_session(struct tree *tree, struct task *task);
void write_group(struct tree *tree, struct task *task);
void write_reaping(struct tree *tree, struct task *task); /* stand-ins, and signals of zombies */
void write_exit(struct tree *tree, struct task *task);

/* vessel_files.c */
int write_fs(struct tree *tree, struct task *task, struct error *e);
int write_descriptors(struct tree *tree, struct task *task, struct error *e);

/* vessel_signals.c */
void write_signal_actions(struct tree *tree, struct task *task);
int write_pending_signals(struct tree *tree, struct thread *thread, const SignalQueueEntry *queue,
                          bool shared, struct error *e);
int write_timers(struct tree *tree, struct task *task, struct error *e);

/* vessel_thread.c: what every thread has for itself. */
int write_thread_state(struct tree *tree, struct thread *thread, struct error *e);
void write_process_state(struct tree *tree, struct task *task);

/* vessel_creds.c: what takes rights away, so it comes last. */
int write_credentials(struct tree *tree, struct thread *thread, struct script *script,
                      struct error *e);
void write_limits(struct tree *tree, struct task *task, struct script *script);
int write_seccomp(struct tree *tree, struct thread *thread, struct script *script, struct error *e);

#endif
