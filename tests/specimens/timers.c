/* Interval timers and POSIX timers: what is left, how often, whom they tell, how late they are. */
#include "specimen.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static timer_t make_timer(clockid_t clock, int notify, int signal_number, int value)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = signal_number};
    event.sigev_value.sival_int = value;
    if (notify == SIGEV_THREAD_ID)
        event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    MUST(timer_create(clock, &event, &timer) == 0);
    return timer;
}

static void set_timer(timer_t timer, time_t first, time_t interval)
{
    struct itimerspec spec = {.it_value.tv_sec = first, .it_interval.tv_sec = interval};
    MUST(timer_settime(timer, 0, &spec, NULL) == 0);
}

static bool timer_has(timer_t timer, time_t at_most, time_t interval)
{
    struct itimerspec spec;
    return timer_gettime(timer, &spec) == 0 && spec.it_value.tv_sec <= at_most &&
           spec.it_value.tv_sec > at_most - 60 && spec.it_interval.tv_sec == interval;
}

static bool itimer_has(int which, time_t at_most, time_t interval)
{
    struct itimerval value;
    return getitimer(which, &value) == 0 && value.it_value.tv_sec <= at_most &&
           value.it_value.tv_sec > at_most - 60 && value.it_interval.tv_sec == interval;
}

int main(void)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    sigaddset(&set, SIGRTMIN + 6);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    MUST(setitimer(ITIMER_REAL, &(struct itimerval){{30, 0}, {1000, 0}}, NULL) == 0);
    MUST(setitimer(ITIMER_VIRTUAL, &(struct itimerval){{40, 0}, {2000, 0}}, NULL) == 0);
    MUST(setitimer(ITIMER_PROF, &(struct itimerval){{50, 0}, {3000, 0}}, NULL) == 0);
    /* One is deleted, so that the next has an id that is not its place in the row. */
    timer_t gone = make_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    timer_t silent = make_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    MUST(timer_delete(gone) == 0);
    timer_t late = make_timer(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 5, 55);
    timer_t mine = make_timer(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 6, 66);
    timer_t idle = make_timer(CLOCK_BOOTTIME, SIGEV_SIGNAL, SIGRTMIN + 5, 77);
    set_timer(silent, 5000, 9);
    set_timer(late, 6000, 0);
    set_timer(mine, 7000, 70);

    specimen_ready();

    DEMAND(itimer_has(ITIMER_REAL, 1000, 30) && itimer_has(ITIMER_VIRTUAL, 2000, 40));
    DEMAND(itimer_has(ITIMER_PROF, 3000, 50));
    DEMAND(timer_has(silent, 5000, 9) && timer_has(late, 6000, 0) && timer_has(mine, 7000, 70));
    struct itimerspec spec;
    DEMAND(timer_gettime(idle, &spec) == 0 && spec.it_value.tv_sec == 0);
    struct itimerspec now = {.it_value.tv_nsec = 1};
    DEMAND(timer_settime(mine, 0, &now, NULL) == 0);
    DEMAND(sigwaitinfo(&set, &info) == SIGRTMIN + 6 && info.si_value.sival_int == 66);
    DEMAND(timer_settime(late, 0, &now, NULL) == 0);
    DEMAND(sigwaitinfo(&set, &info) == SIGRTMIN + 5 && info.si_value.sival_int == 55);
    DEMAND(timer_delete(idle) == 0 && timer_delete(silent) == 0);
    specimen_end();
}
