/* From vessels to processes: registers are set, the scripts are taken out, and all go on. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/io.h"
#include "kernel/ptrace.h"
#include "objects/cgroup.h"
#include "restore/processor.h"
#include "restore/run.h"
#include "restore/vessel.h"

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

typedef int thread_step(struct tree *tree, struct thread *thread, struct error *e);

static int for_each_thread(struct tree *tree, thread_step *step, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        /* The leader last: it may wait for what the others do. */
        for (size_t t = task->threads.count; t-- > 0 && task->state != TASK_DEAD;)
            if (step(tree, &task->threads.items[t], e) < 0)
                return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    }
    return 0;
}

static int seize(struct tree *tree, struct thread *thread, struct error *e)
{
    (void)tree;
    bool filtered = thread->core->thread_core->seccomp_mode != SECCOMP_MODE__disabled;
    uint64_t options = PTRACE_O_EXITKILL | (filtered ? PTRACE_O_SUSPEND_SECCOMP : 0);
    return tracee_seize_and_interrupt(thread->host_tid, options, e);
}

static int wait_stop(struct tree *tree, struct thread *thread, struct error *e)
{
    bool ignored;
    (void)tree;
    return tracee_wait_stop(thread->host_tid, &ignored, e);
}

static int run_last_script(struct tree *tree, struct thread *thread, struct error *e)
{
    struct user_regs_struct registers;
    if (tracee_get_registers(thread->host_tid, &registers, e) < 0 ||
        tracee_run_until_trap(thread->host_tid, &registers, script_entry(&thread->last),
                              script_head_address(&thread->last), e) < 0)
        return -1;
    return script_verdict(&tree->area, thread->last.head, e);
}

/* Of the first SYSCALL instruction in the runner. */
static uint64_t syscall_instruction(const struct tree *tree)
{
    static const unsigned char instruction[] = {0x0f, 0x05};
    const unsigned char *found =
        memmem(tree->area.local, script_runner_size(), instruction, sizeof(instruction));
    return script_remote(&tree->area, found);
}

/* The area takes itself out: the call is stopped at its exit, before the next instruction. */
static int remove_area(struct tree *tree, struct thread *thread, struct error *e)
{
    struct user_regs_struct registers;
    int64_t result = -1;
    const struct task *task = thread->task;
    if (task->shares_memory || thread != &task->threads.items[0])
        return 0;
    if (tracee_get_registers(thread->host_tid, &registers, e) < 0 ||
        tracee_call(thread->host_tid, &registers, syscall_instruction(tree), SYS_munmap,
                    (const uint64_t[6]){tree->area.remote, tree->area.size}, &result, e) < 0)
        return -1;
    if (result < 0)
        return fail(e, (int)-result, "cannot remove the scripts: %s", strerror((int)-result));
    return 0;
}

static int set_xstate(struct tree *tree, struct thread *thread, struct error *e)
{
    struct processor *processor = tree->processor;
    if (!processor->xstate_size &&
        !tracee_get_xstate(thread->host_tid, tree->restore.arena, &processor->xstate_size, e))
        return -1;
    void *xstate =
        xstate_of_message(tree->restore.arena, processor, thread->core->thread_info->fpregs, e);
    if (!xstate)
        return -1;
    struct iovec area = {xstate, processor->xstate_size};
    if (ptrace(PTRACE_SETREGSET, thread->host_tid, (void *)NT_X86_XSTATE, &area) < 0)
        return fail_errno(e, "cannot set the floating point state");
    return 0;
}

static uint64_t signal_mask(const struct thread *thread)
{
    const CoreEntry *core = thread->core;
    return core->tc ? core->tc->blk_sigset : core->thread_core->blk_sigset;
}

static int set_registers(struct tree *tree, struct thread *thread, struct error *e)
{
    struct user_regs_struct registers = registers_of_message(thread->core->thread_info->gpregs);
    if (set_xstate(tree, thread, e) < 0 ||
        tracee_set_registers(thread->host_tid, &registers, e) < 0)
        return fail_in(e, "thread %u", thread->tid);
    return tracee_set_signal_mask(thread->host_tid, signal_mask(thread), e);
}

static int set_oom_score(struct tree *tree, const struct task *task, struct error *e)
{
    const TaskCoreEntry *tc = task->threads.items[0].core->tc;
    char path[64], text[16];
    if (!tc->has_oom_score_adj || tc->oom_score_adj == tree->before->oom_score_adj)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)task->threads.items[0].host_tid);
    snprintf(text, sizeof(text), "%d", tc->oom_score_adj);
    return write_string_at(-1, path, text, e);
}

static int enter_cgroups(struct tree *tree, const struct task *task, struct error *e)
{
    const TaskCoreEntry *tc = task->threads.items[0].core->tc;
    uint32_t roots = tree->root->threads.items[0].core->tc->cg_set;
    if (!tc->has_cg_set || tc->cg_set == roots)
        return 0;
    return cgroups_enter(tree->cgroups, tc->cg_set, task->threads.items[0].host_tid, e);
}

/* What is set from outside, and a process that was stopped gets what stops it again. */
static int finish_processes(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        if (task->state == TASK_DEAD)
            continue;
        if (set_oom_score(tree, task, e) < 0 || enter_cgroups(tree, task, e) < 0)
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        if (task->state == TASK_STOPPED && kill(task->threads.items[0].host_tid, SIGSTOP) < 0)
            return fail_errno(e, TASK_FORMAT ": cannot stop it", TASK_NAME(task));
    }
    return 0;
}

static int let_go(struct tree *tree, struct thread *thread, struct error *e)
{
    (void)tree;
    (void)e;
    tracee_detach(thread->host_tid);
    return 0;
}

int release_tree(struct tree *tree, struct error *e)
{
    if (for_each_thread(tree, seize, e) < 0 || for_each_thread(tree, wait_stop, e) < 0 ||
        for_each_thread(tree, run_last_script, e) < 0 ||
        for_each_thread(tree, remove_area, e) < 0 || for_each_thread(tree, set_registers, e) < 0 ||
        finish_processes(tree, e) < 0)
        return -1;
    return for_each_thread(tree, let_go, e);
}
