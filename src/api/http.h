/* HTTP itself, by libmicrohttpd: the only room of this room that knows the library. */
#ifndef STASIS_API_HTTP_H
#define STASIS_API_HTTP_H

#include "api/request.h"
#include "base/log.h"

struct api_server;

struct http_options {
    struct engine *engine;
    struct launcher *launcher; /* may be NULL; as the engine, it must outlive the server */
    const struct log *log;     /* may be NULL */
    int listen_fd;             /* a listening socket, which is closed at the end, or -1 */
};

/* Starts answering. NULL with *e. */
struct api_server *http_start(const struct http_options *options, struct error *e);

/* Hands a connected stream socket over. 0, or -1 with *e; the socket is closed then too. */
int http_add_connection(struct api_server *server, int fd, struct error *e);

#endif
