/* What only the threads themselves can tell, asked by scripts: one area is mapped into each address
 * space, every thread runs its questions in it, and the area goes away again. */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "checkpoint/foothold.h"
#include "checkpoint/tree.h"

enum { area_timers_at_once = 100, kernel_sigset_size = 8 };

#ifndef PR_GET_THP_DISABLE
#define PR_GET_THP_DISABLE 42
#endif

/* Where the answers will stand in the area. */
struct answers {
    struct kernel_sigaction *actions;
    struct itimerval *itimers;
    struct rlimit *limits;
    struct script_op *brk, *dumpable, *subreaper, *thp, *membarrier;
    stack_t *signal_stack;
    uint64_t *tid_address;
    uint32_t *death_signal;
    struct script_op *securebits;
};

static void ask_actions(struct script *script, struct answers *answers)
{
    answers->actions = script_room(script->area, sizeof(*answers->actions) * (SIGNALS + 1));
    if (!answers->actions)
        return;
    for (uint64_t n = 1; n <= SIGNALS; n++) {
        if (n == SIGKILL || n == SIGSTOP)
            continue;
        uint64_t into = script_remote(script->area, &answers->actions[n]);
        script_must_be(SCRIPT_CALL(script, "read a signal action", SYS_rt_sigaction, n, 0, into,
                                   kernel_sigset_size),
                       0);
    }
}

static void ask_itimers(struct script *script, struct answers *answers)
{
    answers->itimers = script_room(script->area, sizeof(*answers->itimers) * 3);
    for (uint64_t which = 0; answers->itimers && which < 3; which++)
        script_must_be(SCRIPT_CALL(script, "read an interval timer", SYS_getitimer, which,
                                   script_remote(script->area, &answers->itimers[which])),
                       0);
}

static void ask_limits(struct script *script, struct answers *answers)
{
    answers->limits = script_room(script->area, sizeof(*answers->limits) * LIMITS);
    for (uint64_t which = 0; answers->limits && which < LIMITS; which++)
        script_must_be(SCRIPT_CALL(script, "read a resource limit", SYS_prlimit64, 0, which, 0,
                                   script_remote(script->area, &answers->limits[which])),
                       0);
}

static void ask_process(struct script *script, struct answers *answers)
{
    ask_actions(script, answers);
    ask_itimers(script, answers);
    ask_limits(script, answers);
    answers->brk = SCRIPT_CALL(script, "read the program break", SYS_brk, 0);
    answers->dumpable = SCRIPT_CALL(script, "read dumpable", SYS_prctl, PR_GET_DUMPABLE);
    answers->thp = SCRIPT_CALL(script, "read THP-disable", SYS_prctl, PR_GET_THP_DISABLE);
    answers->membarrier = SCRIPT_CALL(script, "read membarrier registrations", SYS_membarrier,
                                      512 /* MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3 */, 0, 0);
    uint32_t zero[2] = {0};
    uint64_t reaper = script_data(script->area, zero, sizeof(zero));
    answers->subreaper =
        SCRIPT_CALL(script, "read child-subreaper", SYS_prctl, PR_GET_CHILD_SUBREAPER, reaper);
}

static void ask_thread(struct script *script, struct answers *answers)
{
    struct script_area *area = script->area;
    answers->signal_stack = script_room(area, sizeof(*answers->signal_stack));
    answers->tid_address = script_room(area, sizeof(*answers->tid_address));
    answers->death_signal = script_room(area, sizeof(*answers->death_signal));
    if (!answers->death_signal)
        return;
    script_must_be(SCRIPT_CALL(script, "read the alternate signal stack", SYS_sigaltstack, 0,
                               script_remote(area, answers->signal_stack)),
                   0);
    script_must_be(SCRIPT_CALL(script, "read the tid address", SYS_prctl, PR_GET_TID_ADDRESS,
                               script_remote(area, answers->tid_address)),
                   0);
    script_must_be(SCRIPT_CALL(script, "read the parent-death signal", SYS_prctl, PR_GET_PDEATHSIG,
                               script_remote(area, answers->death_signal)),
                   0);
    answers->securebits =
        script_must_succeed(SCRIPT_CALL(script, "read securebits", SYS_prctl, PR_GET_SECUREBITS));
}

static void keep_process_answers(struct task *task, const struct script_area *area,
                                 const struct answers *answers)
{
    memcpy(task->actions, answers->actions, sizeof(task->actions));
    memcpy(task->itimers, answers->itimers, sizeof(task->itimers));
    memcpy(task->limits, answers->limits, sizeof(task->limits));
    task->brk = (uint64_t)answers->brk->result;
    task->dumpable = (int32_t)answers->dumpable->result;
    task->thp_disabled = answers->thp->result > 0;
    task->membarrier = answers->membarrier->result > 0 ? (int32_t)answers->membarrier->result : 0;
    const uint32_t *reaper = script_local(area, answers->subreaper->argument[1]);
    task->child_subreaper = answers->subreaper->result == 0 && *reaper != 0;
}

static void keep_thread_answers(struct thread *thread, const struct answers *answers)
{
    thread->signal_stack = *answers->signal_stack;
    thread->tid_address = *answers->tid_address;
    thread->parent_death_signal = *answers->death_signal;
    thread->securebits = (uint32_t)answers->securebits->result;
}

/* One entry of /proc/PID/timers: `ID: 0`, `signal: 14/...`, `notify: signal/pid.17`, `ClockID: 1`.
 */
static const char *parse_timer(const char *text, struct posix_timer *timer)
{
    const char *signal = strstr(text, "\nsignal: "), *notify = strstr(text, "\nnotify: "),
               *clock = strstr(text, "\nClockID: ");
    if (!starts_with(text, "ID: ") || !signal || !notify || !clock)
        return NULL;
    timer->id = (uint32_t)strtoul(text + 4, NULL, 10);
    char *end = NULL;
    timer->signal = (uint32_t)strtoul(signal + 9, &end, 10);
    timer->value = *end == '/' ? strtoull(end + 1, NULL, 16) : 0;
    notify += 9;
    if (starts_with(notify, "thread"))
        timer->notify = 2; /* SIGEV_THREAD: the C library's helper; the kernel sees a signal */
    else
        timer->notify = starts_with(notify, "none") ? 1 /* SIGEV_NONE */ : 0 /* SIGEV_SIGNAL */;
    const char *target = strchr(notify, '/');
    if (target && starts_with(target, "/tid.")) {
        timer->notify |= 4; /* SIGEV_THREAD_ID */
        timer->notify_thread = (int32_t)strtol(target + 5, NULL, 10);
    }
    timer->clock = (uint32_t)strtol(clock + 10, &end, 10);
    return *end == '\n' ? end + 1 : end;
}

/* /proc names the notified thread by the reader's pid namespace. */
static void translate_notified_thread(const struct task *task, struct posix_timer *timer)
{
    for (size_t i = 0; i < task->threads.count; i++)
        if (task->threads.items[i].tid == timer->notify_thread) {
            timer->notify_thread = (int32_t)task->threads.items[i].vtid;
            return;
        }
}

static int list_timers(struct tree *tree, struct task *task, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    const char *text = read_file_at(task->owner.proc, "timers", arena, NULL, e);
    if (!text)
        return e->code == ENOENT ? 0 : fail_in(e, TASK_FORMAT, TASK_NAME(task));
    while (text && *text) {
        struct posix_timer timer = {0};
        text = parse_timer(text, &timer);
        if (!text)
            return fail(e, EBADMSG, TASK_FORMAT ": /proc/PID/timers is not understood",
                        TASK_NAME(task));
        translate_notified_thread(task, &timer);
        vec_add(arena, &task->timers, timer);
    }
    return 0;
}

/* The times of timers `from`..., as many as fit into an area. */
static int ask_timers(struct foothold *foothold, size_t from, size_t count, struct error *e)
{
    struct task *task = foothold->task;
    struct script_area *area = &foothold->area;
    struct script script;
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    struct itimerspec *times = script_room(area, sizeof(*times) * count);
    struct script_op *overruns[area_timers_at_once];
    for (size_t i = 0; times && i < count; i++) {
        uint64_t id = task->timers.items[from + i].id;
        script_must_be(SCRIPT_CALL(&script, "read a POSIX timer", SYS_timer_gettime, id,
                                   script_remote(area, &times[i])),
                       0);
        overruns[i] =
            SCRIPT_CALL(&script, "read the overrun of a POSIX timer", SYS_timer_getoverrun, id);
    }
    if (foothold_run(foothold, &task->threads.items[0], &script, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        task->timers.items[from + i].time = times[i];
        task->timers.items[from + i].overrun = overruns[i]->result > 0 ? overruns[i]->result : 0;
    }
    return 0;
}

static int ask_one_thread(struct foothold *foothold, struct thread *thread, struct error *e)
{
    struct task *task = foothold->task;
    struct script script;
    struct answers answers = {0};
    bool leader = thread == &task->threads.items[0];
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    if (leader)
        ask_process(&script, &answers);
    ask_thread(&script, &answers);
    if (foothold_run(foothold, thread, &script, e) < 0)
        return -1;
    if (leader)
        keep_process_answers(task, &foothold->area, &answers);
    keep_thread_answers(thread, &answers);
    return 0;
}

static int ask_through(struct tree *tree, struct foothold *foothold, struct error *e)
{
    struct task *task = foothold->task;
    for (size_t i = 0; i < task->threads.count; i++)
        if (ask_one_thread(foothold, &task->threads.items[i], e) < 0)
            return -1;
    if (list_timers(tree, task, e) < 0)
        return -1;
    for (size_t i = 0; i < task->timers.count; i += area_timers_at_once) {
        size_t count = task->timers.count - i;
        if (count > area_timers_at_once)
            count = area_timers_at_once;
        if (ask_timers(foothold, i, count, e) < 0)
            return -1;
    }
    return 0;
}

static int ask_task(struct tree *tree, struct task *task, struct error *e)
{
    struct foothold foothold;
    struct error ignored;
    if (foothold_take(tree, task, &foothold, e) < 0)
        return -1;
    int asked = ask_through(tree, &foothold, e);
    if (foothold_leave(&foothold, asked < 0 ? &ignored : e) < 0)
        return -1;
    return asked;
}

int ask_tree(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        if (task->state != TASK_DEAD && task->first_of_vm && ask_task(tree, task, e) < 0)
            return -1;
    }
    return 0;
}
