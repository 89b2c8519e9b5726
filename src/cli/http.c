#include "cli/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

/* Without SIGPIPE: a peer that went away is an error, not the end of this program. */
static int send_all(struct http *http, const void *data, size_t size, struct error *e)
{
    while (size > 0) {
        ssize_t sent = send(http->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return fail_errno(e, "sending to the engine");
        data = (const char *)data + sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int send_headers(struct http *http, const struct http_request *request, struct error *e)
{
    char headers[20000];
    int length = snprintf(headers, sizeof(headers),
                          "%s %s HTTP/1.1\r\nHost: stasis\r\nUser-Agent: stasis\r\n",
                          request->method, request->path);
    char *end = headers + sizeof(headers);
    char *at = headers + length;
    if (length > 0 && at < end && request->upgrade)
        at += snprintf(at, (size_t)(end - at), "Connection: Upgrade\r\nUpgrade: tcp\r\n");
    if (at < end && request->content_type)
        at += snprintf(at, (size_t)(end - at), "Content-Type: %s\r\n", request->content_type);
    if (at < end && request->body_from_fd)
        at += snprintf(at, (size_t)(end - at), "Transfer-Encoding: chunked\r\n\r\n");
    else if (at < end)
        at += snprintf(at, (size_t)(end - at), "Content-Length: %zu\r\n\r\n", request->body_size);
    if (at >= end)
        return fail(e, E2BIG, "the request is too long");
    return send_all(http, headers, (size_t)(at - headers), e);
}

/* The peer may answer and close before it has read all; then sending fails but a reply is there. */
static int send_in_chunks(struct http *http, int fd, struct error *e)
{
    char data[65536];
    for (;;) {
        ssize_t size = read(fd, data, sizeof(data));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fail_errno(e, "reading what is to be sent");
        char head[32];
        int length = snprintf(head, sizeof(head), "%zx\r\n", (size_t)size);
        struct error ignored;
        if (send_all(http, head, (size_t)length, &ignored) < 0 ||
            send_all(http, data, (size_t)size, &ignored) < 0 ||
            send_all(http, "\r\n", 2, &ignored) < 0 || size == 0)
            return 0;
    }
}

int http_send(struct http *http, const struct http_request *request, struct error *e)
{
    if (send_headers(http, request, e) < 0)
        return -1;
    if (request->body_from_fd)
        return send_in_chunks(http, request->body_fd, e);
    return send_all(http, request->body, request->body_size, e);
}

/* Reads more into the buffer. The number of bytes, 0 at the end of the connection, -1 with *e. */
static ssize_t fill(struct http *http, struct error *e)
{
    if (http->start == http->end)
        http->start = http->end = 0;
    if (http->start > 0 && http->end == sizeof(http->buffer)) {
        memmove(http->buffer, http->buffer + http->start, http->end - http->start);
        http->end -= http->start;
        http->start = 0;
    }
    ssize_t size;
    do {
        size = read(http->fd, http->buffer + http->end, sizeof(http->buffer) - http->end);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == ECONNRESET)
        size = 0;
    if (size < 0)
        return fail_errno(e, "reading from the engine");
    http->end += (size_t)size;
    return size;
}

/* One line without its line end, in the buffer; valid until the next read. NULL with *e. */
static char *read_line(struct http *http, struct error *e)
{
    for (;;) {
        char *line = http->buffer + http->start;
        char *newline = memchr(line, '\n', http->end - http->start);
        if (newline) {
            http->start += (size_t)(newline - line) + 1;
            *newline = 0;
            if (newline > line && newline[-1] == '\r')
                newline[-1] = 0;
            return line;
        }
        if (http->end - http->start == sizeof(http->buffer)) {
            fail(e, EMSGSIZE, "the engine sent a line that is too long");
            return NULL;
        }
        ssize_t size = fill(http, e);
        if (size == 0)
            fail(e, ENODATA, "the engine closed the connection");
        if (size <= 0)
            return NULL;
    }
}

static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    return line + strspn(line, " \t");
}

static int note_header(struct http_reply *reply, const char *line, struct error *e)
{
    const char *value;
    if ((value = header_value(line, "Content-Length"))) {
        if (!parse_u64(value, 10, &reply->remaining))
            return fail(e, EPROTO, "the engine sent a bad length: %s", value);
        reply->framing = HTTP_LENGTH;
    } else if ((value = header_value(line, "Transfer-Encoding"))) {
        if (strcasecmp(value, "chunked") != 0)
            return fail(e, EPROTO, "the engine sent an unknown encoding: %s", value);
        reply->framing = HTTP_CHUNKED;
    } else if ((value = header_value(line, "Content-Type"))) {
        snprintf(reply->content_type, sizeof(reply->content_type), "%s", value);
    } else if ((value = header_value(line, "Connection"))) {
        reply->closes = reply->closes || strcasecmp(value, "close") == 0;
    }
    return 0;
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

int http_receive(struct http *http, struct http_reply *reply, struct error *e)
{
    do {
        *reply = (struct http_reply){.framing = HTTP_UNTIL_CLOSE};
        char *line = read_line(http, e);
        if (!line)
            return -1;
        const char *status = strchr(line, ' ');
        reply->status = status ? (int)strtol(status, NULL, 10) : 0;
        if (!starts_with(line, "HTTP/1.") || reply->status < 100)
            return fail(e, EPROTO, "what answers is no engine: %.60s", line);
        while ((line = read_line(http, e)) && *line) {
            if (note_header(reply, line, e) < 0)
                return -1;
        }
        if (!line)
            return -1;
    } while (reply->status == 100);
    if (has_no_body(reply->status))
        reply->framing = HTTP_NO_BODY;
    if (reply->framing == HTTP_CHUNKED)
        reply->remaining = 0;
    if (reply->framing == HTTP_UNTIL_CLOSE)
        reply->closes = true;
    return 0;
}

/* Reads the head of the next chunk; at the last one, the trailer behind it. */
static int next_chunk(struct http *http, struct http_reply *reply, struct error *e)
{
    if (reply->in_chunks && !read_line(http, e)) /* the line end behind a chunk */
        return -1;
    char *line = read_line(http, e);
    if (!line)
        return -1;
    line[strcspn(line, "; \t")] = 0;
    if (!parse_u64(line, 16, &reply->remaining))
        return fail(e, EPROTO, "the engine sent a bad chunk: %.20s", line);
    reply->in_chunks = true;
    if (reply->remaining > 0)
        return 0;
    reply->framing = HTTP_NO_BODY;
    while ((line = read_line(http, e)) && *line)
        continue;
    return line ? 0 : -1;
}

static ssize_t take_buffered(struct http *http, void *data, size_t size, struct error *e)
{
    if (http->start == http->end) {
        ssize_t filled = fill(http, e);
        if (filled <= 0)
            return filled;
    }
    size_t available = http->end - http->start;
    size = size < available ? size : available;
    memcpy(data, http->buffer + http->start, size);
    http->start += size;
    return (ssize_t)size;
}

ssize_t http_read(struct http *http, struct http_reply *reply, void *data, size_t size,
                  struct error *e)
{
    if (reply->framing == HTTP_CHUNKED && reply->remaining == 0 && next_chunk(http, reply, e) < 0)
        return -1;
    if (reply->framing == HTTP_NO_BODY)
        return 0;
    if (reply->framing == HTTP_UNTIL_CLOSE)
        return take_buffered(http, data, size, e);
    if (reply->remaining == 0)
        return 0;
    size = size < reply->remaining ? size : (size_t)reply->remaining;
    ssize_t taken = take_buffered(http, data, size, e);
    if (taken == 0)
        return fail(e, ENODATA, "the engine closed the connection in the middle of its answer");
    if (taken > 0)
        reply->remaining -= (size_t)taken;
    return taken;
}
