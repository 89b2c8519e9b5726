/* Kernel parameters that belong to a namespace. OCI linux.sysctl; sysctl(8). */
#ifndef STASIS_RUNTIME_SYSCTL_H
#define STASIS_RUNTIME_SYSCTL_H

#include "runtime/spec.h"

/* Writes linux.sysctl through the caller's /proc. Refuses parameters of the host. 0 or -1. */
int sysctl_apply(const struct spec *spec, struct error *e);

#endif
