/* Tasks travel to the launcher as JSON in one message, together with a socket for the answer; the
 * answer is an error's code and text and perhaps a descriptor. unix(7) */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/tasks.h"
#include "base/cleanup.h"

enum { MESSAGE_LIMIT = 65536 };

struct launcher {
    pid_t pid;
    int socket;
};

union fd_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* `fd` may be -1: then none goes along. */
static int send_message(int socket, const void *data, size_t size, int fd)
{
    union fd_control control = {0};
    struct iovec part = {(void *)data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* The size of the message, 0 when the other side is gone; *fd is -1 if none came along. */
static ssize_t receive_message(int socket, void *data, size_t size, int *fd)
{
    union fd_control control = {0};
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t got;

    *fd = -1;
    while ((got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    return got;
}

/* ---- the launcher's side ------------------------------------------------------------------- */

/* The launcher outlives the signals that end the daemon: it ends when its socket does. SIGCHLD is
 * ignored so that no worker becomes a zombie. */
static void set_signals(void (*action)(int))
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        signal(numbers[i], action);
}

static void work(struct engine *engine, const char *text, size_t size, int answer)
{
    AUTO_CLOSE int stream = -1;
    struct error e = {0};
    json_t *task = json_loadb(text, size, 0, NULL);

    set_signals(SIG_DFL);
    if (!task || perform_here(engine, task, &stream, &e) == 0)
        e.code = task ? 0 : EINVAL;
    json_decref(task);
    send_message(answer, &e, sizeof(e), stream);
}

static _Noreturn void launch(struct engine *engine, int socket)
{
    static char text[MESSAGE_LIMIT];
    ssize_t size;
    int answer;

    prctl(PR_SET_NAME, "stasis-launcher");
    set_signals(SIG_IGN);
    while ((size = receive_message(socket, text, sizeof(text), &answer)) > 0) {
        pid_t pid = fork();
        if (pid == 0) {
            close(socket);
            work(engine, text, (size_t)size, answer);
            _exit(0);
        }
        close(answer);
    }
    _exit(0);
}

/* ---- the daemon's side --------------------------------------------------------------------- */

struct launcher *launcher_start(struct engine *engine, struct error *e)
{
    int pair[2];
    struct launcher *launcher = calloc(1, sizeof(*launcher));

    if (!launcher || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        fail_errno(e, "launcher");
        free(launcher);
        return NULL;
    }
    launcher->pid = fork();
    if (launcher->pid == 0) {
        close(pair[0]);
        launch(engine, pair[1]);
    }
    close(pair[1]);
    launcher->socket = pair[0];
    if (launcher->pid > 0)
        return launcher;
    fail_errno(e, "launcher");
    close(launcher->socket);
    free(launcher);
    return NULL;
}

void launcher_stop(struct launcher *launcher)
{
    close(launcher->socket);
    waitpid(launcher->pid, NULL, 0);
    free(launcher);
}

static int ask(const struct launcher *launcher, const char *text, int *stream, struct error *e)
{
    int pair[2], fd;
    struct error answer;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_errno(e, "launcher");
    AUTO_CLOSE int ours = pair[0];
    int sent = send_message(launcher->socket, text, strlen(text), pair[1]);
    int problem = errno;
    close(pair[1]);
    if (sent < 0)
        return fail(e, problem, "launcher: %s", strerror(problem));
    if (receive_message(ours, &answer, sizeof(answer), &fd) != sizeof(answer))
        return fail(e, EIO, "the process that did this ended in the middle of it");
    if (stream)
        *stream = fd;
    else if (fd >= 0)
        close(fd);
    if (!answer.code)
        return 0;
    *e = answer;
    return -1;
}

int perform(struct launcher *launcher, struct engine *engine, json_t *task, int *stream,
            struct error *e)
{
    int result = -1;

    if (!launcher) {
        result = perform_here(engine, task, stream, e);
    } else {
        char *text = task ? json_dumps(task, JSON_COMPACT) : NULL;
        if (!text || strlen(text) > MESSAGE_LIMIT)
            fail(e, EINVAL, "the request is too long or not UTF-8");
        else
            result = ask(launcher, text, stream, e);
        free(text);
    }
    json_decref(task);
    return result;
}
