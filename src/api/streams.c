/* Long answers: the exit of a container, its log, its standard streams. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "api/joined_streams.h"
#include "api/routes.h"
#include "base/io.h"
#include "engine/engine.h"

/* ---- wait ---------------------------------------------------------------------------------- */

static int tell_exit(struct request *request, const struct stream *stream, void *context,
                     struct error *e)
{
    int exit_code;

    if (engine_wait_finish(context, stream->cancel, &exit_code, e) < 0)
        return -1;
    const char *text = arena_printf(request->arena, "{\"StatusCode\":%d}\n", exit_code);
    if (write_all(stream->fd, text, strlen(text)) < 0)
        return fail_errno(e, "answer to the client");
    return 0;
}

/* The headers go out before the container ends: `docker run` starts it once it has them. */
int wait_for_container(struct request *request, struct error *e)
{
    struct engine_wait *wait = engine_wait_begin(request->engine, request->params[0],
                                                 request_query(request, "condition"), e);
    return wait ? reply_stream(request, "application/json", tell_exit, wait) : -1;
}

/* ---- logs ---------------------------------------------------------------------------------- */

static bool send_frame(void *context, int stream, const void *data, size_t size)
{
    const struct stream *to = context;
    unsigned char head[8] = {(unsigned char)stream,
                             0,
                             0,
                             0,
                             (unsigned char)(size >> 24),
                             (unsigned char)(size >> 16),
                             (unsigned char)(size >> 8),
                             (unsigned char)size};

    if (size > UINT32_MAX)
        return false;
    struct iovec parts[] = {{head, sizeof(head)}, {(void *)data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(to->fd, &message, MSG_NOSIGNAL);
    if (sent < 0)
        return false;
    if ((size_t)sent < sizeof(head))
        return write_all(to->fd, head + sent, sizeof(head) - (size_t)sent) == 0 &&
               write_all(to->fd, data, size) == 0;
    size_t done = (size_t)sent - sizeof(head);
    return write_all(to->fd, (const char *)data + done, size - done) == 0;
}

static int send_logs(struct request *request, const struct stream *stream, void *context,
                     struct error *e)
{
    struct stream to = *stream;

    return engine_container_logs(request->engine, request->params[0], context, send_frame, &to,
                                 stream->cancel, e);
}

int show_logs(struct request *request, struct error *e)
{
    struct engine_logs *query = arena_alloc(request->arena, sizeof(*query));
    char id[ENGINE_ID_SIZE];

    *query = (struct engine_logs){.out = request_flag(request, "stdout"),
                                  .err = request_flag(request, "stderr"),
                                  .follow = request_flag(request, "follow"),
                                  .timestamps = request_flag(request, "timestamps"),
                                  .since = request_query(request, "since"),
                                  .until = request_query(request, "until"),
                                  .tail = request_query(request, "tail")};
    if (!query->out && !query->err)
        return fail(e, EINVAL, "Bad parameters: you must choose at least one stream");
    if (engine_container_resolve(request->engine, request->params[0], id, e) < 0)
        return -1;
    return reply_stream(request, framed_content_type(request), send_logs, query);
}

/* ---- attach -------------------------------------------------------------------------------- */

static int send_old_logs(struct request *request, const struct stream *stream, void *context,
                         struct error *e)
{
    const struct engine_attach *streams = context;
    struct engine_logs query = {.out = streams->out, .err = streams->err};
    struct stream to = *stream;

    return engine_container_logs(request->engine, request->params[0], &query, send_frame, &to,
                                 stream->cancel, e);
}

int attach_to_container(struct request *request, struct error *e)
{
    struct engine_attach streams = {.in = request_flag(request, "stdin"),
                                    .out = request_flag(request, "stdout"),
                                    .err = request_flag(request, "stderr"),
                                    .logs = request_flag(request, "logs")};
    char id[ENGINE_ID_SIZE];

    if (!request_flag(request, "stream")) {
        if (engine_container_resolve(request->engine, request->params[0], id, e) < 0)
            return -1;
        streams.out = streams.out && streams.logs;
        streams.err = streams.err && streams.logs;
        return reply_hijack(request, framed_content_type(request), send_old_logs,
                            arena_copy(request->arena, &streams, sizeof(streams)));
    }
    int fd = engine_container_attach(request->engine, request->params[0], &streams, e);
    return fd < 0 ? -1 : reply_joined(request, fd);
}
