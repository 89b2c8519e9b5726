/* Carries the standard streams of one process: from its pipes to a log and to attached clients,
 * from clients to its standard input.
 *
 * A client is a stream socket. It is sent Docker's frames (stream, 0, 0, 0, big-endian length, then
 * the data) and sends plain input. One that comes by the listening socket says first, in one byte,
 * which streams it wants. */
#ifndef STASIS_ENGINE_RELAY_H
#define STASIS_ENGINE_RELAY_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/log_file.h"

enum client_streams { CLIENT_IN = 1, CLIENT_OUT = 2, CLIENT_ERR = 4 };

struct relay;

/* `in` is the write end of the process's input or -1, `out` and `err` the read ends of its output;
 * `log` and `listener` may be NULL and -1. All of them become the relay's. With `close_input` the
 * end of a client's input ends the process's. */
struct relay *relay_new(int in, int out, int err, struct log_file *log, int listener,
                        bool close_input);

/* Adds a client; the socket becomes the relay's. */
void relay_add_client(struct relay *relay, int fd, int streams);

/* Carries on until the process behind `pidfd` has ended and its output is taken. */
int relay_run(struct relay *relay, int pidfd, struct error *e);

/* Completes the log: unfinished lines are written now. */
void relay_close_log(struct relay *relay);

/* Sends what clients still have to get (for some seconds at most), closes all and frees it. */
void relay_close(struct relay *relay);

#endif
