/* A frozen process tree and all that was learnt of it. Lives in the dump's arena. */
#ifndef STASIS_CHECKPOINT_TREE_H
#define STASIS_CHECKPOINT_TREE_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "image/values.h"
#include "kernel/procfs.h"
#include "kernel/ptrace.h"
#include "kernel/xsave.h"
#include "objects/object.h"

enum { SIGNALS = 64, LIMITS = RLIM_NLIMITS };

/* The kernel's struct sigaction (rt_sigaction(2) without the C library's wrapper). */
struct kernel_sigaction {
    uint64_t handler, flags, restorer, mask;
};

struct posix_timer {
    uint32_t id, clock, signal, notify;
    uint64_t value;        /* sigev_value */
    int32_t notify_thread; /* vtid, 0 if none */
    int64_t overrun;
    struct itimerspec time;
};

struct thread {
    pid_t tid;
    uint32_t vtid;
    bool group_stopped; /* job control had stopped it before the freeze */
    bool seized;
    struct user_regs_struct frozen; /* as the freeze found them */
    uint64_t signal_mask;
    void *xstate;
    size_t xstate_size;
    struct proc_stat stat;
    struct proc_status status;
    pending_signals pending;
    uint64_t robust_list, robust_list_size;
    uint64_t rseq_address;
    uint32_t rseq_size, rseq_signature;
    /* Asked by script. */
    stack_t signal_stack;
    uint64_t tid_address;
    uint32_t parent_death_signal, securebits;
    uint32_t seccomp_filter; /* index into seccomp.img of its last filter */
};

struct task {
    struct owner owner;
    struct task *parent; /* NULL for the root */
    enum task_state state;
    uint32_t vppid, vpgid, vsid;
    pid_t sid;                  /* as the builder counts */
    VEC(struct thread) threads; /* the leader first; empty for a zombie */
    struct proc_stat stat;
    proc_vmas vmas;
    proc_numbers fds;
    pending_signals shared_pending;
    uint32_t personality, loginuid;
    bool has_loginuid;
    int32_t oom_score_adj;
    uint32_t vm_id, files_id, fs_id, sighand_id;
    uint32_t cgroup_set;              /* cg_set of cgroup.img, 0 if cgroups are not dumped */
    bool first_of_files, first_of_vm; /* it is the one that dumps what it shares */
    /* Asked by script. */
    struct kernel_sigaction actions[SIGNALS + 1];
    struct itimerval itimers[3];
    VEC(struct posix_timer) timers;
    struct rlimit limits[LIMITS];
    uint64_t brk;
    int32_t dumpable;
    bool child_subreaper, thp_disabled;
    int32_t membarrier;
};

struct tree {
    struct dump *dump;
    VEC(struct task *) tasks; /* parents before children; the root first */
    struct xsave_layout xsave;
};

/* `pid 17 (redis-server)`, for messages. */
#define TASK_FORMAT "pid %d (%s)"
#define TASK_NAME(task) (int)(task)->owner.pid, (task)->owner.comm

/* freeze.c: stops every thread of every process below options->pid, until nothing new appears. On
 * failure all that was stopped goes on. */
int freeze_tree(struct tree *tree, struct error *e);
/* Puts every thread back as the freeze found it and lets it go on (or stay stopped). */
void thaw_tree(struct tree *tree, bool leave_stopped);
/* Kills every process, and may wait until all are gone. */
void kill_tree(struct tree *tree, bool wait);

/* survey.c: what can be learnt from outside. */
int survey_tree(struct tree *tree, struct error *e);

/* registers.c: a thread's registers as it will go on, after a dump or a restore. */
struct user_regs_struct going_registers(const struct task *task, const struct thread *thread);

/* ask.c: what only the threads themselves can tell, by scripts. */
int ask_tree(struct tree *tree, struct error *e);

/* share.c: which processes share memory descriptors, descriptor tables, fs and signal actions. */
int find_shared_structures(struct tree *tree, struct error *e);

/* Writers of images. */
int save_cores(struct tree *tree, struct error *e);       /* save_core.c */
int save_mappings(struct tree *tree, struct error *e);    /* save_mappings.c */
int save_memory(struct tree *tree, struct error *e);      /* save_memory.c */
int save_descriptors(struct tree *tree, struct error *e); /* save_files.c */
int save_tree_images(struct tree *tree, struct error *e); /* save_tree.c: pstree, ids, inventory */
int save_seccomp(struct tree *tree, struct error *e);     /* save_seccomp.c */

#endif
