/* Forks the process that becomes part of a container, and hears from it whether it got there.
 * clone3(2), setns(2). */
#ifndef STASIS_RUNTIME_LAUNCH_H
#define STASIS_RUNTIME_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* What a step of the new process returns, if it returns: a success ends in execve(2). */
enum launch_failure {
    LAUNCH_SETUP_FAILED = -1,
    LAUNCH_COMMAND_FAILED = -2, /* the fault is the command's; the code is ENOENT or EACCES */
};

struct launch {
    uint64_t namespaces; /* CLONE_NEW... of the new process */
    int cgroup;          /* v2 cgroup that it starts in, or -1 */
    /* Run by the new process first, 0 or an enum launch_failure; then, and returning only on
     * failure, `become`. */
    int (*prepare)(void *argument, struct error *e);
    int (*become)(void *argument, struct error *e);
    /* Run by the caller meanwhile (may be NULL), 0 or -1; the new process has to notice a failure.
     */
    int (*meanwhile)(void *argument, struct error *e);
    /* A pid namespace that a process joins counts only for its children: with this, `prepare` runs
     * in a process of its own, whose child (the caller's too) runs `become`. */
    bool joins_pid_namespace;
    void *argument;
};

/* The pid of the new process once it has executed its command; else -1, the process is reaped, and
 * e->code is ENOENT or EACCES only for LAUNCH_COMMAND_FAILED. */
pid_t launch(const struct launch *launch, struct error *e);

/* Keeps the codes that mean "the command" out of other errors. Returns -1. */
int launch_not_the_command(struct error *e);

#endif
