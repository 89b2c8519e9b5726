/* System calls that are younger than a profile. */
#ifndef STASIS_RUNTIME_SECCOMP_UNKNOWN_H
#define STASIS_RUNTIME_SECCOMP_UNKNOWN_H

#include "runtime/seccomp.h"

/* Puts a head before the filter: calls with a number above all that the profile names return
 * ENOSYS. C libraries fall back to an older call on ENOSYS, never on the EPERM that "everything
 * else" gets. The filter is replaced. 0 or -1. */
int seccomp_let_unknown_calls_be_missing(struct seccomp_filter *filter, const json_t *architectures,
                                         const json_t *calls, struct arena *arena, struct error *e);

#endif
