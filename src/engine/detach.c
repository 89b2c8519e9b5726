#include "engine/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/io.h"

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void close_all_but(int *kept, size_t count)
{
    int next = 3;
    qsort(kept, count, sizeof(*kept), by_number);
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < next)
            continue;
        if (kept[i] > next)
            close_range((unsigned)next, (unsigned)kept[i] - 1, 0);
        next = kept[i] + 1;
    }
    close_range((unsigned)next, ~0u, 0);
}

/* A caller's handlers and mask must not reach the container. */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) {
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_independent(int *kept, size_t count)
{
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    close_all_but(kept, count);
    setsid();
    umask(022);
    if (chdir("/") < 0)
        _exit(1);
}

static pid_t fork_twice(void)
{
    pid_t pid = fork();
    if (pid != 0) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return pid;
    }
    if (fork() != 0)
        _exit(0);
    return 0;
}

void answer_start(int answer, pid_t pid, const struct error *e)
{
    struct report report = {.pid = pid, .error = *e};
    signal(SIGPIPE, SIG_IGN);
    if (write_all(answer, &report, sizeof(report)) < 0)
        errno = 0;
    close(answer);
}

pid_t detach(void (*body)(void *context, int answer), void *context, const int *kept, size_t count,
             struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    int *all = arena_alloc(arena, (count + 1) * sizeof(*all)), ends[2];
    sigset_t everything, before;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail_errno(e, "pipe");
    AUTO_CLOSE int answer = ends[0];
    memcpy(all, kept, count * sizeof(*all));
    all[count] = ends[1];
    /* No handler of the caller's may run in the new process. */
    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    pid_t pid = fork_twice();
    if (pid == 0) {
        reset_signals();
        become_independent(all, count + 1);
        body(context, ends[1]);
        _exit(0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0)
        return fail_errno(e, "fork");
    struct report report = {0};
    if (read_full(answer, &report, sizeof(report)) != (ssize_t)sizeof(report))
        return fail(e, EIO, "the monitor process died");
    if (report.error.code)
        *e = report.error;
    return report.error.code ? -1 : report.pid;
}
