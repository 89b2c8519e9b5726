#include "cli/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/embedded.h"

struct client {
    struct http *idle;         /* a connection that can carry another request, or NULL */
    struct embedded *embedded; /* the engine in this process, once it was needed */
};

static char *escape(struct arena *arena, const char *text)
{
    char *escaped = arena_alloc(arena, 3 * strlen(text) + 1);
    char *at = escaped;
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~/:@", *text)) {
            *at++ = *text;
        } else {
            *at++ = '%';
            write_hex(at, text, 1);
            at += 2;
        }
    }
    return escaped;
}

char *api_path(struct cli *cli, const char *format, const char *argument)
{
    return arena_printf(cli->arena, format, escape(cli->arena, argument));
}

char *with_query(struct cli *cli, char *path, const char *name, const char *value)
{
    if (!value)
        return path;
    return arena_printf(cli->arena, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name,
                        escape(cli->arena, value));
}

static int connect_to_host(const char *host, struct error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = starts_with(host, "unix://") ? host + strlen("unix://") : host;
    if (path[0] != '/')
        return fail_usage(e, "host %s: only unix://PATH is understood", host);
    if (strlen(path) >= sizeof(address.sun_path))
        return fail(e, ENAMETOOLONG, "the path of host %s is too long", host);
    strcpy(address.sun_path, path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(e, "making a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail_errno(e, "cannot connect to the Stasis daemon at unix://%s", path);
    return take_fd(&fd);
}

static struct client *client_of(struct cli *cli)
{
    if (!cli->client)
        cli->client = arena_alloc(cli->arena, sizeof(*cli->client));
    return cli->client;
}

static int connect_to_engine(struct cli *cli, struct error *e)
{
    if (cli->host)
        return connect_to_host(cli->host, e);
    struct client *client = client_of(cli);
    if (!client->embedded)
        client->embedded = embedded_open(cli, e);
    return client->embedded ? embedded_connect(client->embedded, e) : -1;
}

static void close_http(struct http *http)
{
    close(http->fd);
    free(http);
}

static struct http *new_http(struct cli *cli, struct error *e)
{
    int fd = connect_to_engine(cli, e);
    if (fd < 0)
        return NULL;
    struct http *http = malloc(sizeof(*http));
    if (!http) {
        close(fd);
        fail(e, ENOMEM, "no memory for a connection");
        return NULL;
    }
    http->fd = fd;
    http->start = http->end = 0;
    return http;
}

static struct http *take_idle(struct cli *cli)
{
    struct http *http = client_of(cli)->idle;
    client_of(cli)->idle = NULL;
    return http;
}

static void keep_if_reusable(struct cli *cli, struct stream *stream)
{
    if (stream->reply.closes || client_of(cli)->idle)
        return;
    client_of(cli)->idle = stream->http;
    stream->http = NULL;
}

void client_close(struct cli *cli)
{
    if (!cli->client)
        return;
    struct http *idle = take_idle(cli);
    if (idle)
        close_http(idle);
    cli->client = NULL;
}

/* jansson wants one piece of text; answers are small enough to be held. */
struct text {
    char *data;
    size_t size, capacity;
};

static int read_body(struct stream *stream, struct text *text, struct error *e)
{
    for (;;) {
        if (text->capacity - text->size < 4096) {
            text->capacity = 2 * text->capacity + 8192;
            char *data = realloc(text->data, text->capacity);
            if (!data)
                return fail(e, ENOMEM, "no memory for the engine's answer");
            text->data = data;
        }
        ssize_t size =
            stream_read(stream, text->data + text->size, text->capacity - text->size - 1, e);
        if (size < 0)
            return -1;
        if (size == 0) {
            text->data[text->size] = 0;
            return 0;
        }
        text->size += (size_t)size;
    }
}

static int errno_of_status(int status)
{
    switch (status) {
    case 404:
        return ENOENT;
    case 409:
        return EEXIST;
    case 400:
        return EBADMSG;
    }
    return EREMOTEIO;
}

/* Turns a status of 400 or more and its `{"message": ...}` into an error. */
static int fail_as_told(struct stream *stream, struct error *e)
{
    struct text text = {0};
    struct error ignored;
    const char *message = "no reason given";
    json_auto_t *body = NULL;
    if (read_body(stream, &text, &ignored) == 0) {
        text.data[strcspn(text.data, "\r\n")] = 0;
        body = json_loads(text.data, 0, NULL);
        if (!body && *text.data)
            message = text.data;
    }
    if (*json_text(body, "message"))
        message = json_text(body, "message");
    fail(e, errno_of_status(stream->reply.status), "Error response from daemon: %s", message);
    free(text.data);
    return -1;
}

int stream_request(struct cli *cli, const struct http_request *request, struct stream *stream,
                   struct error *e)
{
    *stream = (struct stream){.http = new_http(cli, e)};
    if (!stream->http)
        return -1;
    return http_send(stream->http, request, e);
}

int stream_reply(struct stream *stream, struct error *e)
{
    if (http_receive(stream->http, &stream->reply, e) < 0)
        return -1;
    if (stream->reply.status >= 400)
        return fail_as_told(stream, e);
    return stream->reply.status;
}

int stream_open(struct cli *cli, const struct http_request *request, struct stream *stream,
                struct error *e)
{
    if (stream_request(cli, request, stream, e) < 0)
        return -1;
    return stream_reply(stream, e);
}

ssize_t stream_read(struct stream *stream, void *data, size_t size, struct error *e)
{
    ssize_t result = http_read(stream->http, &stream->reply, data, size, e);
    stream->broken = result < 0;
    return result;
}

char *stream_text(struct stream *stream, size_t *size, struct error *e)
{
    struct text text = {0};
    if (read_body(stream, &text, e) < 0) {
        free(text.data);
        return NULL;
    }
    *size = text.size;
    return text.data;
}

json_t *stream_json(struct stream *stream, struct error *e)
{
    size_t size;
    AUTO_FREE char *text = stream_text(stream, &size, e);
    json_error_t why;
    if (!text)
        return NULL;
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!json)
        fail(e, EPROTO, "the engine's answer is not JSON: %s", why.text);
    return json;
}

void stream_close(struct stream *stream)
{
    if (stream->http)
        close_http(stream->http);
    stream->http = NULL;
}

static int exchange(struct stream *stream, const struct http_request *request, struct error *e)
{
    if (http_send(stream->http, request, e) < 0)
        return -1;
    return http_receive(stream->http, &stream->reply, e);
}

/* The engine may have closed an idle connection meanwhile: then it never saw the request, and a new
 * connection is right. */
static int exchange_on_any(struct cli *cli, const struct http_request *request,
                           struct stream *stream, struct error *e)
{
    stream->http = take_idle(cli);
    if (stream->http) {
        if (exchange(stream, request, e) == 0)
            return 0;
        if (e->code != ENODATA && e->code != EPIPE)
            return -1;
        stream_close(stream);
    }
    stream->http = new_http(cli, e);
    return stream->http ? exchange(stream, request, e) : -1;
}

static int skip_body(struct stream *stream, struct error *e)
{
    char rest[4096];
    ssize_t size;
    while ((size = stream_read(stream, rest, sizeof(rest), e)) > 0)
        continue;
    return (int)size;
}

static int read_answer(struct stream *stream, json_t **answer, struct error *e)
{
    if (stream->reply.status >= 400)
        return fail_as_told(stream, e);
    if (!answer || stream->reply.framing == HTTP_NO_BODY)
        return skip_body(stream, e);
    *answer = stream_json(stream, e);
    return *answer ? 0 : -1;
}

int ask(struct cli *cli, const char *method, const char *path, const json_t *body, json_t **answer,
        struct error *e)
{
    AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    struct http_request request = {.method = method, .path = path};
    if (text) {
        request.content_type = "application/json";
        request.body = text;
        request.body_size = strlen(text);
    }
    AUTO_STREAM struct stream stream = {0};
    if (exchange_on_any(cli, &request, &stream, e) < 0)
        return -1;
    int result = read_answer(&stream, answer, e);
    if (!stream.broken)
        keep_if_reusable(cli, &stream);
    return result < 0 ? -1 : stream.reply.status;
}

int tell(struct cli *cli, const char *method, const char *path, const json_t *body, struct error *e)
{
    return ask(cli, method, path, body, NULL, e) < 0 ? -1 : 0;
}
