/* Resource limits of a process. setrlimit(2). */
#ifndef STASIS_RUNTIME_RLIMITS_H
#define STASIS_RUNTIME_RLIMITS_H

#include "runtime/spec.h"

/* The RLIMIT_ number of a name ("RLIMIT_NOFILE"), or -1. */
int rlimit_number(const char *name);

/* Sets the limits of the calling process. 0 or -1. */
int rlimits_apply(const struct process_spec *process, struct error *e);

#endif
