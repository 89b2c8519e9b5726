/* A filter's time to load grows with its length, and every restore loads it again. */
#ifndef STASIS_RUNTIME_SECCOMP_SHORTEN_H
#define STASIS_RUNTIME_SECCOMP_SHORTEN_H

#include "runtime/seccomp.h"

/* Replaces the filter by one that decides the same but searches ranges of system call numbers,
 * where neighbours mostly have the same verdict. A filter that it does not understand, or that
 * would not become shorter, stays as it is. */
void seccomp_shorten(struct seccomp_filter *filter, struct arena *arena);

#endif
