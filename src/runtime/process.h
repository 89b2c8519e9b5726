/* The last steps of a container's process: from root in its namespaces to its command. */
#ifndef STASIS_RUNTIME_PROCESS_H
#define STASIS_RUNTIME_PROCESS_H

#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

/* Writes process.oomScoreAdj through the caller's /proc, before the root changes. 0 or -1. */
int process_set_oom_score(const struct process_spec *process, struct error *e);

/* Becomes the process: session, standard streams, limits, working directory, credentials, filter,
 * execve(2). Returns only on failure, an enum launch_failure. */
int process_execute(const struct process_spec *process, const struct runtime_stdio *stdio,
                    const struct seccomp_filter *filter, struct arena *arena, struct error *e);

#endif
