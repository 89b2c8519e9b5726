/* What can be learnt of a frozen tree from outside. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "checkpoint/tree.h"

static int read_number(const struct task *task, const char *name, int base, int64_t *number,
                       struct arena *arena, struct error *e)
{
    char *text = read_file_at(task->owner.proc, name, arena, NULL, e);
    if (!text)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    *number = strtoll(text, NULL, base);
    return 0;
}

static int survey_rseq(struct thread *thread, struct error *e)
{
    struct __ptrace_rseq_configuration rseq;
    if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, thread->tid, (void *)sizeof(rseq), &rseq) < 0)
        return fail_errno(e, "thread %d: cannot read its rseq registration", (int)thread->tid);
    thread->rseq_address = rseq.rseq_abi_pointer;
    thread->rseq_size = rseq.rseq_abi_size;
    thread->rseq_signature = rseq.signature;
    return 0;
}

/* A thread under a seccomp filter could not run a script: the filter is suspended while we trace.
 */
static int suspend_seccomp(const struct thread *thread, struct error *e)
{
    if (thread->status.seccomp == 0)
        return 0;
    if (ptrace(PTRACE_SETOPTIONS, thread->tid, NULL, (void *)PTRACE_O_SUSPEND_SECCOMP) < 0)
        return fail_errno(e, "thread %d: cannot suspend its seccomp filter", (int)thread->tid);
    return 0;
}

static uint32_t innermost(const uint32_t *items, size_t count, size_t level)
{
    return level < count ? items[level] : 0;
}

static int survey_thread(struct tree *tree, struct task *task, struct thread *thread, size_t level,
                         struct error *e)
{
    struct arena *arena = tree->dump->arena;
    char path[32];
    snprintf(path, sizeof(path), "task/%d", (int)thread->tid);
    AUTO_CLOSE int proc = openat(task->owner.proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return fail_errno(e, "thread %d", (int)thread->tid);
    if (proc_read_stat(proc, &thread->stat, e) < 0 ||
        proc_read_status(proc, arena, &thread->status, e) < 0 || suspend_seccomp(thread, e) < 0 ||
        tracee_get_registers(thread->tid, &thread->frozen, e) < 0 ||
        tracee_get_signal_mask(thread->tid, &thread->signal_mask, e) < 0 ||
        tracee_peek_signals(thread->tid, false, arena, &thread->pending, e) < 0 ||
        survey_rseq(thread, e) < 0)
        return -1;
    if (thread->frozen.cs != 0x33)
        return fail(e, ENOTSUP, "thread %d: 32-bit processes are not supported", (int)thread->tid);
    thread->xstate = tracee_get_xstate(thread->tid, arena, &thread->xstate_size, e);
    if (!thread->xstate)
        return -1;
    thread->vtid = innermost(thread->status.ns_pid.items, thread->status.ns_pid.count, level);
    if (syscall(SYS_get_robust_list, thread->tid, &thread->robust_list, &thread->robust_list_size) <
        0)
        return fail_errno(e, "thread %d: cannot read its robust list", (int)thread->tid);
    return 0;
}

static void adopt_ids(struct task *task, const struct proc_status *status, size_t level)
{
    task->owner.vpid = innermost(status->ns_tgid.items, status->ns_tgid.count, level);
    task->vpgid = innermost(status->ns_pgid.items, status->ns_pgid.count, level);
    task->vsid = innermost(status->ns_sid.items, status->ns_sid.count, level);
    task->vppid = task->parent ? task->parent->owner.vpid : 0;
}

static int survey_zombie(struct tree *tree, struct task *task, size_t level, struct error *e)
{
    struct proc_status status;
    if (proc_read_stat(task->owner.proc, &task->stat, e) < 0 ||
        proc_read_status(task->owner.proc, tree->dump->arena, &status, e) < 0)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    adopt_ids(task, &status, level);
    return 0;
}

static int survey_numbers(struct tree *tree, struct task *task, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    int64_t personality = 0, oom = 0, loginuid = 0;
    if (read_number(task, "personality", 16, &personality, arena, e) < 0 ||
        read_number(task, "oom_score_adj", 10, &oom, arena, e) < 0)
        return -1;
    task->personality = (uint32_t)personality;
    task->oom_score_adj = (int32_t)oom;
    struct error none;
    task->has_loginuid = read_number(task, "loginuid", 10, &loginuid, arena, &none) == 0;
    task->loginuid = (uint32_t)loginuid;
    return 0;
}

static int survey_task(struct tree *tree, struct task *task, size_t level, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    if (task->state == TASK_DEAD)
        return survey_zombie(tree, task, level, e);
    for (size_t i = 0; i < task->threads.count; i++)
        if (survey_thread(tree, task, &task->threads.items[i], level, e) < 0)
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    struct thread *leader = &task->threads.items[0];
    if (leader->status.tracer && leader->status.tracer != getpid() &&
        leader->status.tracer != gettid())
        return fail(e, EBUSY, TASK_FORMAT ": is being traced by pid %d", TASK_NAME(task),
                    (int)leader->status.tracer);
    task->stat = leader->stat;
    memcpy(task->owner.comm, task->stat.comm, sizeof(task->owner.comm));
    adopt_ids(task, &leader->status, level);
    if (tracee_peek_signals(leader->tid, true, arena, &task->shared_pending, e) < 0 ||
        proc_read_smaps(task->owner.proc, arena, &task->vmas, e) < 0 ||
        proc_list_numbers(task->owner.proc, "fd", arena, &task->fds, e) < 0)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    return survey_numbers(tree, task, e);
}

/* Is there a task in the tree with this id? */
static bool leads_in_tree(const struct tree *tree, uint32_t vpid)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->owner.vpid == vpid)
            return true;
    return false;
}

static int check_sessions(const struct tree *tree, struct error *e)
{
    const struct task *root = tree->tasks.items[0];
    bool shell_job = tree->dump->options->shell_job;
    if (root->vsid != root->owner.vpid && !shell_job)
        return fail(e, EINVAL,
                    TASK_FORMAT ": its session %d is led from outside of the tree: "
                                "start it with setsid(1) or use --shell-job",
                    TASK_NAME(root), (int)root->sid);
    for (size_t i = 1; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        if (task->vsid == root->vsid || leads_in_tree(tree, task->vsid))
            continue;
        /* A leader that has died is no obstacle: its number is free and will be used again. */
        if (kill(task->sid, 0) == 0)
            return fail(e, EINVAL, TASK_FORMAT ": its session %d is led from outside of the tree",
                        TASK_NAME(task), (int)task->sid);
    }
    return 0;
}

int survey_tree(struct tree *tree, struct error *e)
{
    struct proc_status root;
    if (proc_read_status(tree->tasks.items[0]->owner.proc, tree->dump->arena, &root, e) < 0)
        return -1;
    /* The images speak of ids as the root task's own pid namespace counts them. */
    size_t level = root.ns_pid.count ? root.ns_pid.count - 1 : 0;
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (survey_task(tree, tree->tasks.items[i], level, e) < 0)
            return -1;
    return check_sessions(tree, e);
}
