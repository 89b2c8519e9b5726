/* core-PID.img: registers, signals, timers, limits, credentials of every task and thread. */
#include <errno.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/tree.h"
#include "checkpoint/xstate.h"

static UserX86RegsEntry *general_registers(struct arena *arena, const struct task *task,
                                           const struct thread *thread)
{
    struct user_regs_struct from = going_registers(task, thread);
    UserX86RegsEntry *to = arena_alloc(arena, sizeof(*to));
    user_x86_regs_entry__init(to);
    to->r15 = from.r15;
    to->r14 = from.r14;
    to->r13 = from.r13;
    to->r12 = from.r12;
    to->bp = from.rbp;
    to->bx = from.rbx;
    to->r11 = from.r11;
    to->r10 = from.r10;
    to->r9 = from.r9;
    to->r8 = from.r8;
    to->ax = from.rax;
    to->cx = from.rcx;
    to->dx = from.rdx;
    to->si = from.rsi;
    to->di = from.rdi;
    to->orig_ax = from.orig_rax;
    to->ip = from.rip;
    to->cs = from.cs;
    to->flags = from.eflags;
    to->sp = from.rsp;
    to->ss = from.ss;
    to->fs_base = from.fs_base;
    to->gs_base = from.gs_base;
    to->ds = from.ds;
    to->es = from.es;
    to->fs = from.fs;
    to->gs = from.gs;
    to->has_mode = 1;
    to->mode = USER_X86_REGS_MODE__NATIVE;
    return to;
}

/* The three TLS slots of the GDT, which 64-bit programs leave empty. */
static int tls_slots(struct arena *arena, const struct thread *thread, ThreadInfoX86 *info,
                     struct error *e)
{
    enum { first_slot = 12, slots = 3 };
    info->n_tls = slots;
    info->tls = arena_alloc(arena, sizeof(*info->tls) * slots);
    for (unsigned i = 0; i < slots; i++) {
        struct {
            uint32_t entry_number, base_addr, limit, bits;
        } slot = {0};
        if (ptrace((enum __ptrace_request)25 /* PTRACE_GET_THREAD_AREA */, thread->tid,
                   (void *)(uintptr_t)(first_slot + i), &slot) < 0)
            return fail_errno(e, "thread %d: cannot read a TLS slot", (int)thread->tid);
        UserDescT *to = info->tls[i] = arena_alloc(arena, sizeof(*to));
        user_desc_t__init(to);
        to->entry_number = first_slot + i;
        to->base_addr = slot.base_addr;
        to->limit = slot.limit;
        to->seg_32bit = slot.bits & 1;
        to->contents_l = slot.bits >> 1 & 1;
        to->contents_h = slot.bits >> 2 & 1;
        to->read_exec_only = slot.bits >> 3 & 1;
        to->limit_in_pages = slot.bits >> 4 & 1;
        to->seg_not_present = slot.bits >> 5 & 1;
        to->usable = slot.bits >> 6 & 1;
    }
    return 0;
}

static ThreadInfoX86 *processor_state(const struct tree *tree, const struct task *task,
                                      const struct thread *thread, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    ThreadInfoX86 *info = arena_alloc(arena, sizeof(*info));
    thread_info_x86__init(info);
    info->clear_tid_addr = thread->tid_address;
    info->gpregs = general_registers(arena, task, thread);
    info->fpregs = xstate_to_message(arena, &tree->xsave, thread->xstate, thread->xstate_size, e);
    if (!info->fpregs || tls_slots(arena, thread, info, e) < 0)
        return NULL;
    return info;
}

static uint32_t *capability_words(struct arena *arena, uint64_t set, size_t *count)
{
    uint32_t words[2] = {(uint32_t)set, (uint32_t)(set >> 32)};
    *count = 2;
    return arena_copy(arena, words, sizeof(words));
}

static CredsEntry *credentials(struct arena *arena, const struct thread *thread)
{
    const struct proc_status *from = &thread->status;
    CredsEntry *to = arena_alloc(arena, sizeof(*to));
    creds_entry__init(to);
    to->uid = from->uid[0];
    to->euid = from->uid[1];
    to->suid = from->uid[2];
    to->fsuid = from->uid[3];
    to->gid = from->gid[0];
    to->egid = from->gid[1];
    to->sgid = from->gid[2];
    to->fsgid = from->gid[3];
    to->cap_inh = capability_words(arena, from->cap_inh, &to->n_cap_inh);
    to->cap_prm = capability_words(arena, from->cap_prm, &to->n_cap_prm);
    to->cap_eff = capability_words(arena, from->cap_eff, &to->n_cap_eff);
    to->cap_bnd = capability_words(arena, from->cap_bnd, &to->n_cap_bnd);
    if (from->cap_amb)
        to->cap_amb = capability_words(arena, from->cap_amb, &to->n_cap_amb);
    to->secbits = thread->securebits;
    to->n_groups = from->group_count;
    to->groups = from->groups;
    to->has_no_new_privs = from->no_new_privs != 0;
    to->no_new_privs = from->no_new_privs;
    return to;
}

static SignalQueueEntry *signal_queue(struct arena *arena, const pending_signals *signals)
{
    SignalQueueEntry *queue = arena_alloc(arena, sizeof(*queue));
    signal_queue_entry__init(queue);
    queue->n_signals = signals->count;
    queue->signals = arena_alloc(arena, sizeof(*queue->signals) * (signals->count + 1));
    for (size_t i = 0; i < signals->count; i++) {
        SiginfoEntry *entry = queue->signals[i] = arena_alloc(arena, sizeof(*entry));
        siginfo_entry__init(entry);
        entry->siginfo.len = sizeof(siginfo_t);
        entry->siginfo.data = arena_copy(arena, &signals->items[i], sizeof(siginfo_t));
    }
    return queue;
}

static ThreadSasEntry *alternate_stack(struct arena *arena, const struct thread *thread)
{
    ThreadSasEntry *to = arena_alloc(arena, sizeof(*to));
    thread_sas_entry__init(to);
    to->ss_sp = (uint64_t)thread->signal_stack.ss_sp;
    to->ss_size = thread->signal_stack.ss_size;
    to->ss_flags = (uint32_t)thread->signal_stack.ss_flags;
    return to;
}

static RseqEntry *rseq_registration(struct arena *arena, const struct thread *thread)
{
    if (!thread->rseq_address)
        return NULL;
    RseqEntry *to = arena_alloc(arena, sizeof(*to));
    rseq_entry__init(to);
    to->rseq_abi_pointer = thread->rseq_address;
    to->rseq_abi_size = thread->rseq_size;
    to->signature = thread->rseq_signature;
    return to;
}

static ThreadCoreEntry *thread_state(struct arena *arena, const struct thread *thread)
{
    ThreadCoreEntry *to = arena_alloc(arena, sizeof(*to));
    thread_core_entry__init(to);
    to->futex_rla = thread->robust_list;
    to->futex_rla_len = (uint32_t)thread->robust_list_size;
    to->has_sched_nice = to->has_sched_policy = 1;
    to->sched_nice = (int32_t)thread->stat.nice;
    int policy = (int)syscall(SYS_sched_getscheduler,
                              thread->tid); /* with SCHED_RESET_ON_FORK, unlike /proc */
    to->sched_policy = policy < 0 ? thread->stat.policy : (uint32_t)policy;
    if (thread->stat.rt_priority) {
        to->has_sched_prio = 1;
        to->sched_prio = thread->stat.rt_priority;
    }
    to->has_blk_sigset = 1;
    to->blk_sigset = thread->signal_mask;
    to->sas = alternate_stack(arena, thread);
    if (thread->parent_death_signal) {
        to->has_pdeath_sig = 1;
        to->pdeath_sig = thread->parent_death_signal;
    }
    to->signals_p = signal_queue(arena, &thread->pending);
    to->creds = credentials(arena, thread);
    if (thread->status.seccomp) {
        to->has_seccomp_mode = 1;
        to->seccomp_mode = (SeccompMode)thread->status.seccomp;
        to->has_seccomp_filter = thread->status.seccomp == 2;
        to->seccomp_filter = thread->seccomp_filter;
    }
    to->comm = arena_strdup(arena, thread->stat.comm);
    to->rseq_entry = rseq_registration(arena, thread);
    return to;
}

static ItimerEntry *interval_timer(struct arena *arena, const struct itimerval *from)
{
    ItimerEntry *to = arena_alloc(arena, sizeof(*to));
    itimer_entry__init(to);
    to->isec = (uint64_t)from->it_interval.tv_sec;
    to->iusec = (uint64_t)from->it_interval.tv_usec;
    to->vsec = (uint64_t)from->it_value.tv_sec;
    to->vusec = (uint64_t)from->it_value.tv_usec;
    return to;
}

static PosixTimerEntry *posix_timer(struct arena *arena, const struct posix_timer *from)
{
    PosixTimerEntry *to = arena_alloc(arena, sizeof(*to));
    posix_timer_entry__init(to);
    to->it_id = from->id;
    to->clock_id = from->clock;
    to->si_signo = from->signal;
    to->it_sigev_notify = from->notify;
    to->sival_ptr = from->value;
    to->overrun = (uint32_t)from->overrun;
    to->isec = (uint64_t)from->time.it_interval.tv_sec;
    to->insec = (uint64_t)from->time.it_interval.tv_nsec;
    to->vsec = (uint64_t)from->time.it_value.tv_sec;
    to->vnsec = (uint64_t)from->time.it_value.tv_nsec;
    if (from->notify & 4) {
        to->has_notify_thread_id = 1;
        to->notify_thread_id = from->notify_thread;
    }
    return to;
}

static TaskTimersEntry *timers(struct arena *arena, const struct task *task)
{
    TaskTimersEntry *to = arena_alloc(arena, sizeof(*to));
    task_timers_entry__init(to);
    to->real = interval_timer(arena, &task->itimers[ITIMER_REAL]);
    to->virt = interval_timer(arena, &task->itimers[ITIMER_VIRTUAL]);
    to->prof = interval_timer(arena, &task->itimers[ITIMER_PROF]);
    to->n_posix = task->timers.count;
    to->posix = arena_alloc(arena, sizeof(*to->posix) * (task->timers.count + 1));
    for (size_t i = 0; i < task->timers.count; i++)
        to->posix[i] = posix_timer(arena, &task->timers.items[i]);
    return to;
}

static TaskRlimitsEntry *limits(struct arena *arena, const struct task *task)
{
    TaskRlimitsEntry *to = arena_alloc(arena, sizeof(*to));
    task_rlimits_entry__init(to);
    to->n_rlimits = LIMITS;
    to->rlimits = arena_alloc(arena, sizeof(*to->rlimits) * LIMITS);
    for (size_t i = 0; i < LIMITS; i++) {
        to->rlimits[i] = arena_alloc(arena, sizeof(*to->rlimits[i]));
        rlimit_entry__init(to->rlimits[i]);
        to->rlimits[i]->cur = task->limits[i].rlim_cur;
        to->rlimits[i]->max = task->limits[i].rlim_max;
    }
    return to;
}

static void signal_actions(struct arena *arena, const struct task *task, TaskCoreEntry *to)
{
    to->sigactions = arena_alloc(arena, sizeof(*to->sigactions) * SIGNALS);
    for (int n = 1; n <= SIGNALS; n++) {
        if (n == SIGKILL || n == SIGSTOP)
            continue;
        SaEntry *entry = arena_alloc(arena, sizeof(*entry));
        sa_entry__init(entry);
        entry->sigaction = task->actions[n].handler;
        entry->flags = task->actions[n].flags;
        entry->restorer = task->actions[n].restorer;
        entry->mask = task->actions[n].mask;
        entry->has_compat_sigaction = 1;
        to->sigactions[to->n_sigactions++] = entry;
    }
}

static TaskCoreEntry *task_state_message(struct arena *arena, const struct task *task)
{
    TaskCoreEntry *to = arena_alloc(arena, sizeof(*to));
    task_core_entry__init(to);
    to->task_state = task->state;
    to->exit_code = task->state == TASK_DEAD ? (uint32_t)task->stat.exit_code : 0;
    to->personality = task->personality;
    to->flags = (uint32_t)task->stat.flags;
    to->comm = arena_strdup(arena, task->stat.comm);
    if (task->state == TASK_DEAD)
        return to;
    to->blk_sigset = task->threads.items[0].signal_mask;
    to->timers = timers(arena, task);
    to->rlimits = limits(arena, task);
    to->signals_s = signal_queue(arena, &task->shared_pending);
    to->has_loginuid = task->has_loginuid;
    to->loginuid = task->loginuid;
    to->has_oom_score_adj = 1;
    to->oom_score_adj = task->oom_score_adj;
    signal_actions(arena, task, to);
    to->has_child_subreaper = 1;
    to->child_subreaper = task->child_subreaper;
    if (task->state == TASK_STOPPED) {
        to->has_stop_signo = 1;
        to->stop_signo = SIGSTOP;
    }
    if (task->membarrier) {
        to->has_membarrier_registration_mask = 1;
        to->membarrier_registration_mask = (uint32_t)task->membarrier;
    }
    return to;
}

static int save_core(struct tree *tree, const struct task *task, const struct thread *thread,
                     struct error *e)
{
    struct arena *arena = tree->dump->arena;
    CoreEntry core = CORE_ENTRY__INIT;
    core.mtype = CORE_ENTRY__MARCH__X86_64;
    bool leader = !thread || thread == &task->threads.items[0];
    if (leader)
        core.tc = task_state_message(arena, task);
    if (leader && thread && task->cgroup_set) {
        core.tc->has_cg_set = 1;
        core.tc->cg_set = task->cgroup_set;
    }
    if (thread) {
        core.thread_info = processor_state(tree, task, thread, e);
        if (!core.thread_info)
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        core.thread_core = thread_state(arena, thread);
    }
    return image_write_one(tree->dump->images, IMAGE_CORE,
                           thread && !leader ? thread->vtid : task->owner.vpid, &core.base, e);
}

int save_cores(struct tree *tree, struct error *e)
{
    tree->xsave = xsave_layout_of_processor();
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        if (task->state == TASK_DEAD && save_core(tree, task, NULL, e) < 0)
            return -1;
        for (size_t t = 0; t < task->threads.count; t++)
            if (save_core(tree, task, &task->threads.items[t], e) < 0)
                return -1;
    }
    return 0;
}
