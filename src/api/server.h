/* The Docker Engine API (versions 1.24 to 1.43) over HTTP, on top of an engine.
 *
 * The same handlers answer a daemon's socket and a socket pair inside one process. What is asked
 * and answered follows https://docs.docker.com/reference/api/engine/; docs/api.md says where
 * Stasis does more or less. Every connection has a thread of its own. */
#ifndef STASIS_API_SERVER_H
#define STASIS_API_SERVER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"

struct engine;
struct api_server;

/* Starts a server that listens nowhere. `engine` and `log` (may be NULL) stay the caller's and must
 * outlive it. NULL with *e. */
struct api_server *api_server_start(struct engine *engine, const struct log *log, struct error *e);

/* A connection to the server from within its process: the caller's end of a socket pair, which the
 * caller closes, or -1 with *e. */
int api_server_connect(struct api_server *server, struct error *e);

/* Ends long answers (logs, attach, wait), waits at most `seconds` for the requests under way, and
 * releases the server. Requests that need longer are left to the end of the process. */
void api_server_stop(struct api_server *server, int seconds);

struct api_daemon_options {
    const char *data_root;      /* absolute path; NULL: engine's default */
    const char *storage_driver; /* NULL: engine's choice */
    const char *socket_path;    /* NULL: API_DEFAULT_SOCKET */
    const char *pidfile;        /* NULL: none is written */
    bool debug;                 /* one line per request on standard error */
};

#define API_DEFAULT_SOCKET "/run/stasis.sock"

/* Serves `engine` on the Unix socket until SIGTERM or SIGINT. A socket that nobody listens on is
 * replaced; one on which a daemon answers is an error (EADDRINUSE). 0 after an orderly end, or -1
 * with *e. unix(7) */
int api_serve_socket(struct engine *engine, const struct api_daemon_options *options,
                     struct error *e);

/* The whole daemon: opens the engine, writes the pidfile, serves. Prints nothing but the log lines
 * of a daemon to standard error. 0, or -1 with *e. */
int api_daemon_main(const struct api_daemon_options *options, struct error *e);

#endif
