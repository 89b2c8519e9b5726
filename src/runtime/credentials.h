/* User, groups, capabilities and filter of a container's process. credentials(7). */
#ifndef STASIS_RUNTIME_CREDENTIALS_H
#define STASIS_RUNTIME_CREDENTIALS_H

#include "runtime/seccomp.h"
#include "runtime/spec.h"

/* Gives up what the calling process may do beyond the spec. After it, only execve(2) is left: the
 * filter may forbid everything else. 0 or -1. */
int credentials_take(const struct process_spec *process, const struct seccomp_filter *filter,
                     struct error *e);

#endif
