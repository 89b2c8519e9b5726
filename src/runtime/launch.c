#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

/* What goes through the pipe: at most one pid, then at most one error. End of file without an error
 * is a success, for execve(2) closes the pipe. */
struct report {
    pid_t pid; /* of who runs `become`, else 0 */
    int failure;
    struct error error;
};

static pid_t clone_process(uint64_t flags, int exit_signal, int cgroup)
{
    struct clone_args args = {
        .flags = flags | CLONE_CLEAR_SIGHAND | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .exit_signal = (uint64_t)exit_signal,
        .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
    };
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

_Noreturn static void report_failure(int pipe, int failure, const struct error *error)
{
    struct report report = {.failure = failure, .error = *error};
    (void)write_all(pipe, &report, sizeof(report));
    _exit(127);
}

_Noreturn static void become(const struct launch *launch, int pipe)
{
    struct error error = {0};
    int failure = launch->become(launch->argument, &error);
    report_failure(pipe, failure, &error);
}

_Noreturn static void run_child(const struct launch *launch, int pipe)
{
    struct error error = {0};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Processes of a container that is entered must not reach into this one (/proc/PID/fd, ptrace)
     * before execve(2) has made it one of theirs. */
    prctl(PR_SET_DUMPABLE, 0);
    int failure = launch->prepare ? launch->prepare(launch->argument, &error) : 0;
    if (failure < 0)
        report_failure(pipe, failure, &error);
    if (!launch->joins_pid_namespace)
        become(launch, pipe);
    pid_t pid = clone_process(CLONE_PARENT | launch->namespaces, 0, -1);
    if (pid < 0) {
        fail_errno(&error, "clone3");
        report_failure(pipe, LAUNCH_SETUP_FAILED, &error);
    }
    if (pid == 0)
        become(launch, pipe);
    struct report report = {.pid = pid};
    _exit(write_all(pipe, &report, sizeof(report)) < 0);
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int launch_not_the_command(struct error *e)
{
    if (e->code == ENOENT || e->code == EACCES)
        e->code = EIO;
    return -1;
}

/* Reads reports to the end. 0, or -1 with the child's error. */
static int listen_to(int pipe, pid_t *pid, struct error *e)
{
    struct report report;
    int done = 0;
    ssize_t size = 0;
    while ((size = read_full(pipe, &report, sizeof(report))) == (ssize_t)sizeof(report)) {
        if (report.pid) {
            *pid = report.pid;
            continue;
        }
        *e = report.error;
        done = report.failure == LAUNCH_COMMAND_FAILED ? -1 : launch_not_the_command(e);
    }
    if (size != 0 && done == 0) {
        fail(e, EIO, "a container's process ended before its command");
        return -1;
    }
    return done;
}

pid_t launch(const struct launch *launch, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        fail_errno(e, "pipe");
        return launch_not_the_command(e);
    }
    AUTO_CLOSE int reading = ends[0];
    AUTO_CLOSE int writing = ends[1];
    uint64_t namespaces = launch->joins_pid_namespace ? 0 : launch->namespaces;
    pid_t first = clone_process(namespaces, SIGCHLD, launch->cgroup), last = 0;
    if (first == 0)
        run_child(launch, writing);
    if (first < 0) {
        fail_errno(e, "clone3");
        return launch_not_the_command(e);
    }
    close(take_fd(&writing));
    struct error own = {0};
    int prepared = launch->meanwhile ? launch->meanwhile(launch->argument, &own) : 0;
    int done = listen_to(reading, &last, e);
    if (prepared < 0) {
        *e = own;
        done = launch_not_the_command(e);
    }
    if (launch->joins_pid_namespace)
        reap(first);
    else
        last = first;
    if (done == 0 && last == 0)
        return fail(e, EIO, "a container's process ended before its command");
    if (done < 0 && last)
        reap(last);
    return done < 0 ? -1 : last;
}
