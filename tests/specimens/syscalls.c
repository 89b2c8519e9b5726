/* System calls that were interrupted by the freeze go on: each child is blocked in one when it is
 * frozen, and sees nothing but what it waited for. */
#include "specimen.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint32_t *word; /* of shared memory: the futex */
static int release[2], stuffed[2];

static void in_read(void)
{
    char byte = 0;
    DEMAND(read(release[0], &byte, 1) == 1 && byte == 'r');
}

static void in_poll(void)
{
    struct pollfd fds[] = {{release[0], POLLIN, 0}, {-1, POLLIN, 0}};
    DEMAND(poll(fds, 2, 60000) == 1 && fds[0].revents == POLLIN);
    in_read();
}

static void in_ppoll(void)
{
    struct pollfd fd = {release[0], POLLIN, 0};
    sigset_t mask;
    sigfillset(&mask);
    DEMAND(ppoll(&fd, 1, &(struct timespec){60, 0}, &mask) == 1);
    in_read();
}

static void in_select(void)
{
    fd_set fds;
    FD_ZERO(&fds);
    FD_SET(release[0], &fds);
    DEMAND(select(release[0] + 1, &fds, NULL, NULL, &(struct timeval){60, 0}) == 1);
    in_read();
}

static void in_futex(void)
{
    struct timespec limit = {60, 0};
    DEMAND(syscall(SYS_futex, word, FUTEX_WAIT, 0, &limit) == 0);
}

static void in_futex_bitset(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += 60;
    DEMAND(syscall(SYS_futex, word, FUTEX_WAIT_BITSET, 0, &limit, NULL, 1) == 0);
}

static void in_write(void)
{
    DEMAND(write(stuffed[1], "w", 1) == 1);
}

static void in_wait(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        specimen_wait_told();
        _exit(9);
    }
    DEMAND(wait4(child, &status, 0, NULL) == child && WEXITSTATUS(status) == 9);
}

static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Sleeps may be longer than asked by the time it was frozen, never shorter or broken off. */
static void in_nanosleep(void)
{
    long long start = milliseconds();
    struct timespec left = {0};
    DEMAND(syscall(SYS_nanosleep, &(struct timespec){0, 300000000}, &left) == 0);
    DEMAND(milliseconds() - start >= 300);
}

static void in_clock_nanosleep(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 300000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    DEMAND(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    DEMAND(now.tv_sec > until.tv_sec ||
           (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
}

static void in_poll_timeout(void)
{
    long long start = milliseconds();
    DEMAND(poll(NULL, 0, 300) == 0);
    DEMAND(milliseconds() - start >= 300);
}

static void in_sigtimedwait(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    DEMAND(sigtimedwait(&set, NULL, &(struct timespec){60, 0}) == SIGUSR2);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

static void in_sigsuspend(void)
{
    sigset_t mask;
    signal(SIGUSR2, handle);
    sigfillset(&mask);
    sigdelset(&mask, SIGUSR2);
    DEMAND(sigsuspend(&mask) < 0 && handled == SIGUSR2);
    DEMAND(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGUSR2));
}

static const struct {
    void (*run)(void);
    long call;
    bool by_signal;
} calls[] = {
    {in_read, SYS_read, false},
    {in_poll, SYS_poll, false},
    {in_ppoll, SYS_ppoll, false},
    {in_select, SYS_pselect6, false},
    {in_futex, SYS_futex, false},
    {in_futex_bitset, SYS_futex, false},
    {in_write, SYS_write, false},
    {in_wait, SYS_wait4, false},
    {in_nanosleep, SYS_nanosleep, false},
    {in_clock_nanosleep, SYS_clock_nanosleep, false},
    {in_poll_timeout, SYS_poll, false},
    {in_sigtimedwait, SYS_rt_sigtimedwait, true},
    {in_sigsuspend, SYS_rt_sigsuspend, true},
};

enum { COUNT = sizeof(calls) / sizeof(*calls) };

static void child(void *argument)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    MUST(sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
    calls[(uintptr_t)argument].run();
}

/* /proc/PID/syscall starts with the number of the call that a process is blocked in. */
static bool is_in_call(pid_t pid, long call)
{
    char path[64], text[64] = "", wanted[32];
    snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    close(fd);
    snprintf(wanted, sizeof(wanted), "%ld ", call);
    return n > 0 && strncmp(text, wanted, strlen(wanted)) == 0;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

static void let_go(const pid_t children[COUNT])
{
    char byte;
    *word = 1;
    while (read(stuffed[0], &byte, 1) == 1 && byte != 'w')
        ;
    DEMAND(syscall(SYS_futex, word, FUTEX_WAKE, 99) == 2);
    for (int i = 0; i < COUNT; i++) {
        if (calls[i].by_signal)
            DEMAND(kill(children[i], SIGUSR2) == 0);
    }
    DEMAND(write(release[1], "rrrr", 4) == 4);
}

int main(void)
{
    pid_t children[COUNT];
    word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(word != MAP_FAILED && pipe(release) == 0 && pipe(stuffed) == 0);
    MUST(fcntl(stuffed[1], F_SETPIPE_SZ, 4096) == 4096);
    char block[4096] = {0};
    MUST(write(stuffed[1], block, sizeof(block)) == sizeof(block));
    for (uintptr_t i = 0; i < COUNT; i++)
        children[i] = specimen_fork(child, (void *)i);
    for (int i = 0; i < COUNT; i++)
        while (!is_in_call(children[i], calls[i].call) && !has_ended(children[i]))
            specimen_pause();

    specimen_ready();

    let_go(children);
    for (int i = 0; i < COUNT; i++)
        specimen_join(children[i]);
    specimen_end();
}
