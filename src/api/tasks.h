/* Work that starts processes, done by a process that has no threads.
 *
 * After fork(2) in a process with threads the child may not rely on any lock of any library, but
 * the monitor of a container is such a child and lives long. The daemon therefore leaves these
 * tasks to a launcher, a child from before its threads, which forks a worker for each. The worker
 * also keeps a fault during a checkpoint away from the daemon. */
#ifndef STASIS_API_TASKS_H
#define STASIS_API_TASKS_H

#include <jansson.h>

#include "base/error.h"
#include "engine/engine.h"

struct launcher;

/* Forks the launcher. It ends with the process that holds it. NULL with *e. */
struct launcher *launcher_start(struct engine *engine, struct error *e);
void launcher_stop(struct launcher *launcher);

/* Performs {"Task": "start", ...}, whose members tasks.c names; releases `task`. With
 * "Starts": true the clients that wait for the start of "Ref" go along. Without a
 * launcher it happens here. `stream` (may be NULL) gets the socket that the task gives. 0 or -1. */
int perform(struct launcher *launcher, struct engine *engine, json_t *task, int *stream,
            struct error *e);

/* The same in this process; `task` stays the caller's. */
int perform_here(struct engine *engine, const json_t *task, int *stream, struct error *e);

/* A checkpoint as members of a task. */
json_t *checkpoint_task(const char *task, const char *ref,
                        const struct engine_checkpoint *checkpoint);

#endif
