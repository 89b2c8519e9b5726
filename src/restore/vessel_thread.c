/* What every thread has for itself, and what a process has besides memory, files and signals.
 * See prctl(2), sigaltstack(2), set_robust_list(2), sched_setattr(2), membarrier(2). */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "restore/vessel.h"

/* The kernel's struct sched_attr, version 0. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static int write_scheduling(struct tree *tree, struct thread *thread, struct error *e)
{
    const ThreadCoreEntry *core = thread->core->thread_core;
    const struct baseline *before = tree->before;
    uint32_t policy = core->has_sched_policy ? core->sched_policy : 0;
    struct scheduling wanted = {.size = sizeof(wanted),
                                .policy = policy & ~(uint32_t)SCHED_RESET_ON_FORK,
                                .flags = policy & SCHED_RESET_ON_FORK ? 1 : 0,
                                .nice = core->has_sched_nice ? core->sched_nice : 0,
                                .priority = core->has_sched_prio ? core->sched_prio : 0};
    enum { deadline = 6 };
    if (wanted.policy == deadline)
        return fail(e, ENOTSUP, "thread %u: deadline scheduling is not supported", thread->tid);
    if ((int)policy == before->policy && wanted.nice == before->nice &&
        wanted.priority == before->priority)
        return 0;
    MUST(&thread->script, "set the scheduling", SYS_sched_setattr, 0,
         script_data(&tree->area, &wanted, sizeof(wanted)), 0);
    return 0;
}

static void write_signal_stack(struct tree *tree, struct thread *thread)
{
    const ThreadSasEntry *sas = thread->core->thread_core->sas;
    stack_t stack = {.ss_flags = SS_DISABLE};
    if (sas && !(sas->ss_flags & SS_DISABLE))
        stack = (stack_t){(void *)sas->ss_sp, (int)(sas->ss_flags & ~(uint32_t)SS_ONSTACK),
                          sas->ss_size};
    MUST(&thread->script, "set the alternate signal stack", SYS_sigaltstack,
         script_data(&tree->area, &stack, sizeof(stack)), 0);
}

static void write_name(struct tree *tree, struct thread *thread)
{
    const CoreEntry *core = thread->core;
    const char *name = core->thread_core && core->thread_core->comm ? core->thread_core->comm
                       : core->tc                                   ? core->tc->comm
                                                                    : NULL;
    char kept[16] = {0};
    if (!name)
        return;
    strncpy(kept, name, sizeof(kept) - 1);
    MUST(&thread->script, "set the name", SYS_prctl, PR_SET_NAME,
         script_data(&tree->area, kept, sizeof(kept)));
}

static void write_rseq(struct thread *thread)
{
    const RseqEntry *rseq = thread->core->thread_core->rseq_entry;
    if (rseq && rseq->rseq_abi_pointer)
        MUST(&thread->script, "register restartable sequences", SYS_rseq, rseq->rseq_abi_pointer,
             rseq->rseq_abi_size, 0, rseq->signature);
}

int write_thread_state(struct tree *tree, struct thread *thread, struct error *e)
{
    const CoreEntry *core = thread->core;
    write_name(tree, thread);
    if (!core->thread_core) /* a zombie */
        return 0;
    if (write_scheduling(tree, thread, e) < 0 ||
        write_pending_signals(tree, thread, core->thread_core->signals_p, false, e) < 0)
        return -1;
    write_signal_stack(tree, thread);
    if (core->thread_core->futex_rla)
        MUST(&thread->script, "set the robust list", SYS_set_robust_list,
             core->thread_core->futex_rla, core->thread_core->futex_rla_len);
    SCRIPT_CALL(&thread->script, "set the tid address", SYS_set_tid_address,
                core->thread_info->clear_tid_addr);
    write_rseq(thread);
    return 0;
}

static void write_membarriers(struct script *script, uint32_t mask)
{
    static const uint32_t registrations[] = {
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
    };
    for (size_t i = 0; i < sizeof(registrations) / sizeof(*registrations); i++)
        if (mask & registrations[i])
            MUST(script, "register for memory barriers", SYS_membarrier, registrations[i], 0, 0);
}

void write_process_state(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    const TaskCoreEntry *tc = task->threads.items[0].core->tc;
    (void)tree;
    if (tc->personality)
        MUST(script, "set the personality", SYS_personality, tc->personality);
    if (tc->has_child_subreaper && tc->child_subreaper)
        MUST(script, "become a subreaper", SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
    if (!task->shares_memory && task->memory->mm->has_thp_disabled &&
        task->memory->mm->thp_disabled)
        MUST(script, "do without huge pages", SYS_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if (tc->has_membarrier_registration_mask)
        write_membarriers(script, tc->membarrier_registration_mask);
}
