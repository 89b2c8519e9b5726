/* Learning of changes in a container's directory. inotify(7). */
#ifndef STASIS_ENGINE_WAIT_H
#define STASIS_ENGINE_WAIT_H

#include "engine/record.h"

/* A descriptor that becomes readable when something changes. The caller closes it. */
int watch_container(const struct container *container, struct error *e);

/* Blocks until then. ECANCELED when cancel_fd (or -1) becomes readable first. */
int await_change(int changes, int cancel_fd, struct error *e);

/* Blocks until `fd` is readable: 1; 0 after so many milliseconds (-1: no limit); -1 with *e. */
int await_readable(int fd, int milliseconds, int cancel_fd, struct error *e);

#endif
