/* Tasks travel to the launcher as JSON in one message, together with a socket for the answer and
 * the clients that attached before the start, whose streams "Clients" lists in order; the answer is
 * an error's code and text and perhaps a descriptor. unix(7) */
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

enum { MESSAGE_LIMIT = 65536, CLIENTS_LIMIT = 64, FDS_LIMIT = CLIENTS_LIMIT + 1 };

struct launcher {
    pid_t pid;
    int socket;
};

union fd_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(FDS_LIMIT * sizeof(int))];
};

static int send_message(int socket, const void *data, size_t size, const int *fds, size_t count)
{
    union fd_control control = {0};
    struct iovec part = {(void *)data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* The size of the message, 0 when the other side is gone; fds has room for FDS_LIMIT. */
static ssize_t receive_message(int socket, void *data, size_t size, int *fds, size_t *count)
{
    union fd_control control = {0};
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t got;

    *count = 0;
    while ((got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS) {
        *count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(head), *count * sizeof(int));
    }
    return got;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
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

/* fds[0] is for the answer, the others are clients. */
static int take_clients(struct engine *engine, const json_t *task, const int *fds, size_t count,
                        struct error *e)
{
    struct engine_client clients[CLIENTS_LIMIT];
    const json_t *streams = json_object_get(task, "Clients");

    for (size_t i = 1; i < count; i++)
        clients[i - 1] =
            (struct engine_client){fds[i], (int)json_integer_value(json_array_get(streams, i - 1))};
    return count < 2 ? 0
                     : engine_clients_give(engine, json_string_value(json_object_get(task, "Ref")),
                                           clients, count - 1, e);
}

static void work(struct engine *engine, const char *text, size_t size, const int *fds, size_t count)
{
    AUTO_CLOSE int stream = -1;
    struct error e = {0};
    json_t *task = json_loadb(text, size, 0, NULL);

    set_signals(SIG_DFL);
    if (take_clients(engine, task, fds, count, &e) == 0 &&
        perform_here(engine, task, &stream, &e) == 0)
        e.code = 0;
    json_decref(task);
    send_message(fds[0], &e, sizeof(e), &stream, stream >= 0);
}

static _Noreturn void launch(struct engine *engine, int socket)
{
    char text[MESSAGE_LIMIT];
    ssize_t size;
    int fds[FDS_LIMIT];
    size_t count;

    prctl(PR_SET_NAME, "stasis-launcher");
    set_signals(SIG_IGN);
    while ((size = receive_message(socket, text, sizeof(text), fds, &count)) > 0) {
        if (count && fork() == 0) {
            close(socket);
            work(engine, text, (size_t)size, fds, count);
            _exit(0);
        }
        close_all(fds, count);
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

static int ask(const struct launcher *launcher, const char *text, int *fds, size_t count,
               int *stream, struct error *e)
{
    int pair[2], got[FDS_LIMIT];
    struct error answer;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_errno(e, "launcher");
    AUTO_CLOSE int ours = pair[0];
    fds[0] = pair[1];
    int sent = send_message(launcher->socket, text, strlen(text), fds, count);
    int problem = errno;
    close(pair[1]);
    if (sent < 0)
        return fail(e, problem, "launcher: %s", strerror(problem));
    if (receive_message(ours, &answer, sizeof(answer), got, &count) != sizeof(answer))
        return fail(e, EIO, "the process that did this ended in the middle of it");
    if (stream && count == 1)
        *stream = got[0];
    else
        close_all(got, count);
    if (!answer.code)
        return 0;
    *e = answer;
    return -1;
}

static int ask_with_clients(const struct launcher *launcher, struct engine *engine, json_t *task,
                            int *stream, struct error *e)
{
    struct engine_client clients[CLIENTS_LIMIT];
    int fds[FDS_LIMIT], result = -1;
    const char *ref = json_string_value(json_object_get(task, "Ref"));
    bool starts = json_is_true(json_object_get(task, "Starts"));
    size_t count = starts ? engine_clients_take(engine, ref, clients, CLIENTS_LIMIT) : 0;
    json_t *streams = json_array();

    for (size_t i = 0; i < count; i++) {
        fds[i + 1] = clients[i].fd;
        json_array_append_new(streams, json_integer(clients[i].streams));
    }
    json_object_set_new(task, "Clients", streams);
    char *text = json_dumps(task, JSON_COMPACT);
    if (!text || strlen(text) > MESSAGE_LIMIT)
        fail(e, EINVAL, "the request is too long");
    else
        result = ask(launcher, text, fds, count + 1, stream, e);
    close_all(fds + 1, count);
    free(text);
    return result;
}

int perform(struct launcher *launcher, struct engine *engine, json_t *task, int *stream,
            struct error *e)
{
    int result;

    if (!task)
        return fail(e, EINVAL, "the request is not UTF-8");
    if (launcher)
        result = ask_with_clients(launcher, engine, task, stream, e);
    else
        result = perform_here(engine, task, stream, e);
    json_decref(task);
    return result;
}
