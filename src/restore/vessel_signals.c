/* Signal actions, pending signals and timers of a vessel. All signals are blocked in it.
 * See rt_sigaction(2), rt_sigqueueinfo(2), setitimer(2), timer_create(2). */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "restore/vessel.h"

enum { PR_TIMER_CREATE_RESTORE_IDS_ = 77 };
enum { most_timers = 100000, most_pending = 100000, most_timer_attempts = 1000 };

struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

/* The image has an action for every signal but SIGKILL and SIGSTOP. */
static int next_signal(int signal)
{
    do
        signal++;
    while (signal == SIGKILL || signal == SIGSTOP);
    return signal;
}

void write_signal_actions(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    const TaskCoreEntry *tc = task->threads.items[0].core->tc;
    if (task->shares_signals)
        return;
    int signal = 0;
    for (size_t i = 0; i < tc->n_sigactions; i++) {
        const SaEntry *entry = tc->sigactions[i];
        signal = next_signal(signal);
        struct kernel_action action = {entry->sigaction, entry->flags, entry->restorer,
                                       entry->mask};
        bool ignored = tree->before->ignored_signals & (1ULL << (signal - 1));
        if (!ignored && !action.handler && !action.flags && !action.restorer && !action.mask)
            continue;
        MUST(script, "set a signal action", SYS_rt_sigaction, (uint64_t)signal,
             script_data(&tree->area, &action, sizeof(action)), 0, sizeof(uint64_t));
    }
}

int write_pending_signals(struct tree *tree, struct thread *thread, const SignalQueueEntry *queue,
                          bool shared, struct error *e)
{
    if (!queue)
        return 0;
    if (queue->n_signals > most_pending)
        return fail(e, EBADMSG, "thread %u: too many pending signals", thread->tid);
    for (size_t i = 0; i < queue->n_signals; i++) {
        const ProtobufCBinaryData *data = &queue->signals[i]->siginfo;
        siginfo_t info;
        if (data->len != sizeof(info))
            return fail(e, EBADMSG, "thread %u: pending signal of %zu bytes", thread->tid,
                        data->len);
        memcpy(&info, data->data, sizeof(info));
        if (info.si_signo < 1 || info.si_signo > 64)
            return fail(e, EBADMSG, "thread %u: pending signal %d", thread->tid, info.si_signo);
        uint64_t copy = script_data(&tree->area, &info, sizeof(info));
        uint64_t signal = (uint64_t)info.si_signo;
        if (shared)
            MUST(&thread->script, "queue a signal to the process", SYS_rt_sigqueueinfo,
                 thread->task->pid, signal, copy);
        else
            MUST(&thread->script, "queue a signal to the thread", SYS_rt_tgsigqueueinfo,
                 thread->task->pid, thread->tid, signal, copy);
    }
    return 0;
}

static void write_interval_timer(struct tree *tree, struct script *script, int which,
                                 const ItimerEntry *entry)
{
    struct itimerval time = {{(time_t)entry->isec, (suseconds_t)entry->iusec},
                             {(time_t)entry->vsec, (suseconds_t)entry->vusec}};
    if (entry->vsec || entry->vusec)
        MUST(script, "set an interval timer", SYS_setitimer, (uint64_t)which,
             script_data(&tree->area, &time, sizeof(time)), 0);
}

static struct sigevent event_of(const PosixTimerEntry *entry)
{
    struct sigevent event = {0};
    event.sigev_value.sival_ptr = (void *)entry->sival_ptr;
    event.sigev_signo = (int)entry->si_signo;
    event.sigev_notify = (int)entry->it_sigev_notify;
    if (entry->has_notify_thread_id)
        event._sigev_un._tid = entry->notify_thread_id;
    return event;
}

/* Kernels before 6.15 count timer ids up from 0: what lies before the wanted one is made and
 * deleted. *next is the id that comes next. */
static int write_timers_before(struct tree *tree, struct script *script, uint64_t id, uint32_t end,
                               uint32_t *next, struct error *e)
{
    struct sigevent nothing = {.sigev_notify = SIGEV_NONE};
    if (end < *next || end - *next > most_timer_attempts)
        return fail(e, ENOTSUP, "timer id %u cannot be reached on this kernel", end);
    for (; *next < end; (*next)++) {
        MUST(script, "make a timer to pass over", SYS_timer_create, CLOCK_MONOTONIC,
             script_data(&tree->area, &nothing, sizeof(nothing)), id);
        MUST(script, "delete a timer", SYS_timer_delete, *next);
    }
    (*next)++;
    return 0;
}

static int write_posix_timer(struct tree *tree, struct script *script, const PosixTimerEntry *entry,
                             uint32_t *next, struct error *e)
{
    uint32_t id = entry->it_id;
    uint64_t place = script_data(&tree->area, &id, sizeof(id));
    struct sigevent event = event_of(entry);
    struct itimerspec time = {{(time_t)entry->isec, (long)entry->insec},
                              {(time_t)entry->vsec, (long)entry->vnsec}};
    if (!tree->before->timers_by_id && write_timers_before(tree, script, place, id, next, e) < 0)
        return -1;
    MUST(script, "make a timer", SYS_timer_create, entry->clock_id,
         script_data(&tree->area, &event, sizeof(event)), place);
    if (entry->vsec || entry->vnsec)
        MUST(script, "set a timer", SYS_timer_settime, id, 0,
             script_data(&tree->area, &time, sizeof(time)), 0);
    return 0;
}

static int compare_timers(const void *a, const void *b)
{
    const PosixTimerEntry *left = *(PosixTimerEntry *const *)a,
                          *right = *(PosixTimerEntry *const *)b;
    return (left->it_id > right->it_id) - (left->it_id < right->it_id);
}

int write_timers(struct tree *tree, struct task *task, struct error *e)
{
    struct script *script = &task->threads.items[0].script;
    const TaskTimersEntry *timers = task->threads.items[0].core->tc->timers;
    if (!timers)
        return 0;
    if (timers->n_posix > most_timers)
        return fail(e, EBADMSG, TASK_FORMAT ": too many timers", TASK_NAME(task));
    bool by_id = timers->n_posix && tree->before->timers_by_id;
    uint32_t next = 0;
    if (timers->n_posix)
        qsort(timers->posix, timers->n_posix, sizeof(*timers->posix), compare_timers);
    if (by_id)
        MUST(script, "choose timer ids", SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS_, 1, 0, 0, 0);
    for (size_t i = 0; i < timers->n_posix; i++)
        if (write_posix_timer(tree, script, timers->posix[i], &next, e) < 0)
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    if (by_id)
        MUST(script, "choose no more timer ids", SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS_, 0, 0, 0,
             0);
    write_interval_timer(tree, script, ITIMER_REAL, timers->real);
    write_interval_timer(tree, script, ITIMER_VIRTUAL, timers->virt);
    write_interval_timer(tree, script, ITIMER_PROF, timers->prof);
    return 0;
}
