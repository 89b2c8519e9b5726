/* What several stories of a container's life share. */
#ifndef STASIS_ENGINE_LIFECYCLE_H
#define STASIS_ENGINE_LIFECYCLE_H

#include "engine/record.h"

/* A pidfd of the running container's init. EBUSY where it does not run. */
int container_open_init(struct container *container, struct error *e);

/* Waits until it does not run any more: 1; 0 after so many seconds (-1: no limit); -1 with *e,
 * ECANCELED when cancel_fd (or -1) becomes readable first. */
int container_await_end(struct container *container, int seconds, int cancel_fd, struct error *e);

/* Puts Docker's words for a command that could not be executed into *e (codes ENOENT and EACCES
 * become EINVAL; another error stays as it is). Returns -1. */
int explain_command_failure(const char *command, struct error *e);

#endif
