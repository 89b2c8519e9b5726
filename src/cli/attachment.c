#include "cli/attachment.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

static int write_out(int fd, const void *data, size_t size, struct error *e)
{
    if (write_all(fd, data, size) < 0)
        return fail_errno(e, "writing to %s", fd == 2 ? "stderr" : "stdout");
    return 0;
}

static size_t take_header(struct demultiplexer *state, const unsigned char *data, size_t size)
{
    size_t missing = sizeof(state->header) - state->header_size;
    size_t taken = size < missing ? size : missing;
    memcpy(state->header + state->header_size, data, taken);
    state->header_size += taken;
    if (state->header_size == sizeof(state->header)) {
        const unsigned char *h = state->header;
        state->remaining = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
        state->fd = h[0] >= 2 ? 2 : 1;
        state->header_size = 0;
    }
    return taken;
}

int demultiplex(struct demultiplexer *state, const void *data, size_t size, struct error *e)
{
    if (state->raw)
        return write_out(1, data, size, e);
    for (const unsigned char *at = data; size > 0;) {
        size_t taken;
        if (state->remaining == 0) {
            taken = take_header(state, at, size);
        } else {
            taken = size < state->remaining ? size : state->remaining;
            if (write_out(state->fd, at, taken, e) < 0)
                return -1;
            state->remaining -= (uint32_t)taken;
        }
        at += taken;
        size -= taken;
    }
    return 0;
}

int copy_output(struct stream *stream, bool raw, struct error *e)
{
    struct demultiplexer state = {.raw = raw};
    char data[16384];
    ssize_t size;
    while ((size = stream_read(stream, data, sizeof(data), e)) > 0) {
        if (demultiplex(&state, data, (size_t)size, e) < 0)
            return -1;
    }
    return (int)size;
}

int catch_signals(struct error *e)
{
    static const int passed_on[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                    SIGUSR2, SIGALRM, SIGCONT, SIGIO,   SIGPWR};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
        sigaddset(&set, passed_on[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return fail_errno(e, "blocking signals");
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? fail_errno(e, "catching signals") : fd;
}

void attachment_close(struct attachment *attachment)
{
    stream_close(&attachment->stream);
}

int attach_container(struct cli *cli, const char *id, struct attachment *attachment,
                     struct error *e)
{
    char *path = api_path(cli, "/containers/%s/attach?stream=1&stdout=1&stderr=1", id);
    if (attachment->with_stdin)
        path = with_query(cli, path, "stdin", "1");
    struct http_request request = {.method = "POST", .path = path, .upgrade = true};
    return stream_open(cli, &request, &attachment->stream, e) < 0 ? -1 : 0;
}

/* The container may have ended already: then nobody is there to get the signal. */
static void pass_signals_on(struct cli *cli, const struct attachment *attachment)
{
    struct signalfd_siginfo info;
    while (read(attachment->signals, &info, sizeof(info)) == sizeof(info)) {
        const char *name = sigabbrev_np((int)info.ssi_signo);
        struct error ignored = {0};
        char *path = api_path(cli, "/containers/%s/kill", attachment->container);
        if (name)
            tell(cli, "POST", with_query(cli, path, "signal", name), NULL, &ignored);
    }
}

/* Data on its way to the container's stdin. It is sent without blocking: a container that waits for
 * its output to be read would never take it. */
struct input {
    bool open; /* stdin has not ended */
    size_t start, end;
    char data[16384];
};

static void end_input(struct input *input, int fd)
{
    input->open = false;
    input->start = input->end = 0;
    shutdown(fd, SHUT_WR);
}

static void read_input(struct input *input, int fd)
{
    ssize_t size = read(0, input->data, sizeof(input->data));
    if (size > 0) {
        input->start = 0;
        input->end = (size_t)size;
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
        end_input(input, fd);
    }
}

static void send_input(struct input *input, int fd)
{
    ssize_t size = send(fd, input->data + input->start, input->end - input->start,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0)
        input->start += (size_t)size;
    else if (errno != EAGAIN && errno != EINTR)
        end_input(input, fd);
}

static bool has_buffered_output(const struct attachment *attachment)
{
    return attachment->stream.http->start < attachment->stream.http->end;
}

/* Waits for something to move. What can move is in `revents`; 0, or -1 with *e. */
static int wait_for_traffic(const struct attachment *attachment, const struct input *input,
                            struct pollfd fds[3], struct error *e)
{
    bool sending = input->start < input->end;
    fds[0] = (struct pollfd){.fd = attachment->stream.http->fd,
                             .events = sending ? POLLIN | POLLOUT : POLLIN};
    fds[1] = (struct pollfd){.fd = attachment->signals, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = input->open && !sending ? 0 : -1, .events = POLLIN};
    if (poll(fds, 3, has_buffered_output(attachment) ? 0 : -1) >= 0)
        return 0;
    fds[0].revents = fds[1].revents = fds[2].revents = 0;
    return errno == EINTR ? 0 : fail_errno(e, "waiting for the container's output");
}

int pump_attachment(struct cli *cli, struct attachment *attachment, struct error *e)
{
    struct demultiplexer state = {.raw = attachment->raw};
    struct input input = {.open = attachment->with_stdin};
    int fd = attachment->stream.http->fd;
    for (;;) {
        struct pollfd fds[3];
        if (wait_for_traffic(attachment, &input, fds, e) < 0)
            return -1;
        if (fds[1].revents)
            pass_signals_on(cli, attachment);
        if (fds[2].revents)
            read_input(&input, fd);
        if (fds[0].revents & POLLOUT)
            send_input(&input, fd);
        if (!(fds[0].revents & ~POLLOUT) && !has_buffered_output(attachment))
            continue;
        char data[16384];
        ssize_t size = stream_read(&attachment->stream, data, sizeof(data), e);
        if (size <= 0)
            return (int)size;
        if (demultiplex(&state, data, (size_t)size, e) < 0)
            return -1;
    }
}

int expect_exit(struct cli *cli, const char *id, const char *condition, struct stream *wait,
                struct error *e)
{
    char *path = with_query(cli, api_path(cli, "/containers/%s/wait", id), "condition", condition);
    struct http_request request = {.method = "POST", .path = path};
    return stream_open(cli, &request, wait, e) < 0 ? -1 : 0;
}

int container_exit_status(struct stream *wait, struct error *e)
{
    json_auto_t *answer = stream_json(wait, e);
    if (!answer)
        return -1;
    const char *message = json_text(json_object_get(answer, "Error"), "Message");
    if (*message)
        return fail(e, EREMOTEIO, "waiting for the container: %s", message);
    return (int)json_number(answer, "StatusCode") & 0xff;
}
