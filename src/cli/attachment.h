/* A container's standard streams over one connection, and signals on their way to it. */
#ifndef STASIS_CLI_ATTACHMENT_H
#define STASIS_CLI_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/client.h"

/* Takes apart the frames in which the API sends stdout and stderr: a byte for which (1 or 2), three
 * zeroes, the length as four bytes, the highest first. */
struct demultiplexer {
    bool raw; /* no frames: all of it is stdout, as of a container with a terminal */
    unsigned char header[8];
    size_t header_size;
    uint32_t remaining; /* of the frame */
    int fd;             /* where the frame goes */
};

/* Writes what `data` holds to descriptors 1 and 2. 0, or -1 with *e. */
int demultiplex(struct demultiplexer *state, const void *data, size_t size, struct error *e);

/* Copies a whole stream to descriptors 1 and 2 until it ends. */
int copy_output(struct stream *stream, bool raw, struct error *e);

struct attachment {
    struct stream stream;
    const char *container; /* who gets the signals; NULL: nobody */
    int signals;           /* signalfd(2) of what is to be passed on, or -1 */
    bool with_stdin;
    bool raw;
};
void attachment_close(struct attachment *attachment);
#define AUTO_ATTACHMENT __attribute__((cleanup(attachment_close)))

/* Blocks the signals that can be passed on to a container and returns a signalfd(2) of them.
 * Call it before anything makes threads. -1 with *e. */
int catch_signals(struct error *e);

/* Opens the streams of a container. Declare the attachment with AUTO_ATTACHMENT. */
int attach_container(struct cli *cli, const char *id, struct attachment *attachment,
                     struct error *e);

/* Moves data and signals both ways until the container closes its output. */
int pump_attachment(struct cli *cli, struct attachment *attachment, struct error *e);

/* Asks to be told when the container ends; the answer comes through container_exit_status. */
int expect_exit(struct cli *cli, const char *id, const char *condition, struct stream *wait,
                struct error *e);

/* Waits for that end. The exit status, or -1 with *e. */
int container_exit_status(struct stream *wait, struct error *e);

#endif
