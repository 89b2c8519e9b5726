/* Are the numbers of the tree's processes and threads free? */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "kernel/procfs.h"
#include "restore/run.h"

enum { patience_ms = 5000, nap_ms = 1 };

static const uint64_t exiting = 4; /* PF_EXITING among the flags of /proc/PID/stat */

static bool is_taken(pid_t id)
{
    return kill(id, 0) == 0 || errno == EPERM;
}

/* A process that was killed holds its number until its memory is given back and its parent has
 * reaped it: one that was just dumped may be on its way. */
static bool is_dying(pid_t id, struct proc_stat *stat)
{
    struct error gone;
    int proc = proc_open(id, &gone);
    if (proc < 0)
        return true;
    bool dying = proc_read_stat(proc, stat, &gone) < 0 || stat->state == 'Z' ||
                 stat->state == 'X' || stat->flags & exiting;
    if (!dying) {
        struct proc_status status;
        AUTO_ARENA struct arena *arena = arena_new();
        const uint64_t killed = 1ULL << (SIGKILL - 1);
        dying = proc_read_status(proc, arena, &status, &gone) < 0 ||
                (status.sig_pending | status.shared_pending) & killed;
    }
    close(proc);
    return dying;
}

static int claim_id(uint32_t id, struct error *e)
{
    struct proc_stat stat = {0};
    for (int waited = 0; is_taken((pid_t)id); waited += nap_ms) {
        if (!is_dying((pid_t)id, &stat) || waited >= patience_ms)
            return fail(e, EEXIST, "pid %u is in use by (%s), state %c: it exists already", id,
                        stat.comm, stat.state);
        /* It is no child of ours: its number comes free without notice. */
        nanosleep(&(struct timespec){0, nap_ms * 1000000}, NULL);
    }
    return 0;
}

int claim_ids(struct tree *tree, struct error *e)
{
    if (tree->namespaces.clone_flags & CLONE_NEWPID)
        return 0;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count; t++)
            if (claim_id(task->threads.items[t].tid, e) < 0)
                return -1;
    }
    return 0;
}
