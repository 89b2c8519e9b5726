#include "api/joined_streams.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Moves what is there. The number of bytes, 0 at the end, -1 when nobody reads any more. */
static ssize_t move(int from, int to)
{
    char buffer[32768];
    ssize_t got = recv(from, buffer, sizeof(buffer), 0);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : 0;
    for (ssize_t sent = 0; sent < got;) {
        ssize_t n = send(to, buffer + sent, (size_t)(got - sent), MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        sent += n > 0 ? n : 0;
    }
    return got;
}

/* The client's end of file is that of stdin; the answer goes on. */
static int join(struct request *request, const struct stream *stream, void *context,
                struct error *e)
{
    int streams = *(int *)context;
    struct pollfd polls[] = {{.fd = streams, .events = POLLIN},
                             {.fd = stream->fd, .events = POLLIN},
                             {.fd = stream->cancel, .events = POLLIN}};

    (void)request, (void)e;
    for (;;) {
        if (poll(polls, 3, -1) < 0 && errno != EINTR)
            break;
        if (polls[0].revents && move(streams, stream->fd) <= 0)
            break;
        if (polls[1].revents && move(stream->fd, streams) <= 0) {
            shutdown(streams, SHUT_WR);
            polls[1].fd = -1;
        }
        if (polls[2].revents && !polls[0].revents)
            break;
    }
    close(streams);
    return 0;
}

const char *framed_content_type(const struct request *request)
{
    return request->version >= 42 ? "application/vnd.docker.multiplexed-stream"
                                  : "application/vnd.docker.raw-stream";
}

int reply_joined(struct request *request, int streams)
{
    return reply_hijack(request, framed_content_type(request), join,
                        arena_copy(request->arena, &streams, sizeof(streams)));
}
