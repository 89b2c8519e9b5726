/* HTTP/1.1 as a client speaks it, over a connected socket (RFC 9112).
 *
 * Enough for the Docker Engine API: bodies by length, in chunks or to the end of the connection,
 * and connections that stop being HTTP after `101 Switching Protocols`. */
#ifndef STASIS_CLI_HTTP_H
#define STASIS_CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* One connection and what was read from it too early. */
struct http {
    int fd; /* owned by who made it */
    size_t start, end;
    char buffer[16384];
};

struct http_request {
    const char *method, *path;
    const char *content_type; /* NULL: there is no body */
    const void *body;
    size_t body_size;
    bool body_from_fd; /* the body is all that can be read from body_fd, sent in chunks */
    int body_fd;
    bool upgrade; /* ask for a raw connection after the reply's headers */
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_reply {
    int status;
    char content_type[128];
    enum http_framing framing;
    bool closes;        /* the connection cannot carry another request */
    uint64_t remaining; /* HTTP_LENGTH: of the body; HTTP_CHUNKED: of the current chunk */
    bool in_chunks;     /* a chunk was read before */
};

/* Sends a request. 0, or -1 with *e. A peer that stops reading a long body is no error here: its
 * reply says why. */
int http_send(struct http *http, const struct http_request *request, struct error *e);

/* Reads a reply up to its body. 0, or -1 with *e; e->code is ENODATA if the peer closed the
 * connection before it answered. */
int http_receive(struct http *http, struct http_reply *reply, struct error *e);

/* Up to `size` bytes of the body, as soon as there are some; 0 at its end; -1 with *e. */
ssize_t http_read(struct http *http, struct http_reply *reply, void *data, size_t size,
                  struct error *e);

#endif
