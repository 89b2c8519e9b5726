/* The monitor: one small process per running container, and the parent of its init.
 *
 * It holds the root file system's mount (in a mount namespace of its own) and the other ends of
 * the standard streams, writes the log, serves attached clients, and ends the run: it takes the
 * exit code, removes cgroups and mount, notes the end, and removes the container where --rm says
 * so. It holds monitor.lock for as long as it lives. */
#ifndef STASIS_ENGINE_MONITOR_H
#define STASIS_ENGINE_MONITOR_H

#include "engine/record.h"
#include "runtime/runtime.h"

struct monitor_start {
    struct container *container; /* locked */
    /* Makes the container's first process, a child of the caller; runs in the monitor, with the
     * root file system mounted. The pid, or -1 with *e and nothing left over. */
    pid_t (*begin)(struct container *container, const struct runtime_stdio *stdio, void *context,
                   struct error *e);
    void *context;
    int kept; /* a descriptor that `begin` needs, or -1 */
};

/* Starts a monitor and waits until the container runs. 0, or -1 with *e as `begin` made it. */
int monitor_launch(const struct monitor_start *start, struct error *e);

#endif
