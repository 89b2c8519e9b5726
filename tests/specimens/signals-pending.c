/* Signals that wait: for the process and for one thread, queued several times, with their data. */
#include "specimen.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int thread_has_its_own;

static bool take(int number, int value, int code)
{
    sigset_t set;
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigtimedwait(&set, &info, &(struct timespec){0}) != number)
        return value < 0;
    return info.si_code == code && info.si_value.sival_int == value && info.si_pid == getpid() &&
           info.si_uid == getuid();
}

static void *other_thread(void *nothing)
{
    MUST(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = 90}) == 0);
    thread_has_its_own = 1;
    specimen_wait_told();
    DEMAND(take(SIGRTMIN + 1, 90, SI_QUEUE) && take(SIGRTMIN + 1, -1, 0));
    return nothing;
}

int main(void)
{
    pthread_t thread;
    sigset_t all, pending;
    sigfillset(&all);
    MUST(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    MUST(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    while (!thread_has_its_own)
        specimen_pause();
    MUST(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 11}) == 0);
    for (int i = 0; i < 3; i++)
        MUST(sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 20 + i}) == 0);
    MUST(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = 30}) == 0);
    MUST(kill(getpid(), SIGTERM) == 0);

    specimen_ready();

    DEMAND(sigpending(&pending) == 0 && sigismember(&pending, SIGTERM));
    DEMAND(take(SIGUSR1, 11, SI_QUEUE));
    for (int i = 0; i < 3; i++)
        DEMAND(take(SIGRTMIN + 2, 20 + i, SI_QUEUE));
    DEMAND(take(SIGRTMIN + 2, -1, 0));
    DEMAND(take(SIGRTMIN + 1, 30, SI_QUEUE) && take(SIGRTMIN + 1, -1, 0));
    DEMAND(take(SIGTERM, 0, SI_USER));
    pthread_join(thread, NULL);
    DEMAND(sigpending(&pending) == 0 && memcmp(&pending, (char[8]){0}, 8) == 0);
    specimen_end();
}
