/* Capability names and sets. capabilities(7), capset(2), prctl(2). */
#ifndef STASIS_RUNTIME_CAPABILITIES_H
#define STASIS_RUNTIME_CAPABILITIES_H

#include "runtime/spec.h"

/* The CAP_ number of a name ("CAP_CHOWN"), or -1; and the name of a number, or NULL. */
int capability_number(const char *name);
const char *capability_name(int number);

/* The permitted set of the calling process. 0 or -1. */
int capabilities_held(uint64_t *permitted, struct error *e);

/* What of the wanted sets the calling process can hand on. */
struct capability_sets capabilities_possible(const struct capability_sets *wanted, uint64_t held);

/* Takes everything but `sets->bounding` out of the bounding set. Needs CAP_SETPCAP. */
int capabilities_drop_bounding(const struct capability_sets *sets, struct error *e);

/* Sets effective, permitted and inheritable set of the calling process, then the ambient one. */
int capabilities_apply(const struct capability_sets *sets, struct error *e);

#endif
