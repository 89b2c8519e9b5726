/* A process of its own that outlives the one that makes it: monitors. */
#ifndef STASIS_ENGINE_DETACH_H
#define STASIS_ENGINE_DETACH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* What the new process answers once: a pid, or an error. */
struct report {
    pid_t pid;
    struct error error;
};

/* Writes that report and closes `answer`. A caller that was killed meanwhile does not matter. */
void answer_start(int answer, pid_t pid, const struct error *e);

/* Runs `body(context, answer)` in a new process: in a session of its own, no child of the caller,
 * with default signal actions, /dev/null as standard streams and no descriptors but `answer` and
 * the `kept` ones (negative ones are ignored). The body calls
 * answer_start once; its end is the process's. Waits for the report: its pid, or -1 with *e. */
pid_t detach(void (*body)(void *context, int answer), void *context, const int *kept, size_t count,
             struct error *e);

#endif
