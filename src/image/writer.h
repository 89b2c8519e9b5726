/* Writes whole files in the background: creating files costs a file system as much time as all else
 * of a small checkpoint, and nothing waits for them before the end. Private to the room. */
#ifndef STASIS_IMAGE_WRITER_H
#define STASIS_IMAGE_WRITER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

struct writer;

/* Starts a thread that writes into `dir_fd`. Both stay the caller's; the writer lives in the arena.
 */
struct writer *writer_start(struct arena *arena, int dir_fd);

/* Hands over a file: name and data must stay as they are until writer_finish. -1 with *e where a
 * file before has failed already. */
int writer_add(struct writer *writer, const char *name, const void *data, size_t size,
               struct error *e);

/* Waits until all is written and ends the thread. 0, or -1 with the *e of the first failure. A
 * second call does nothing. */
int writer_finish(struct writer *writer, struct error *e);

#endif
