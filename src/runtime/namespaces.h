/* Namespaces of a container, and what is set up in the new ones. namespaces(7), setns(2). */
#ifndef STASIS_RUNTIME_NAMESPACES_H
#define STASIS_RUNTIME_NAMESPACES_H

#include "runtime/spec.h"

/* Moves the calling process into the namespaces that config.json gives a path for. A joined pid
 * namespace counts for children only. 0 or -1. */
int namespaces_join_given(const struct spec *spec, struct error *e);

/* Moves the calling process into all namespaces of process `pid`. */
int namespaces_join_all_of(pid_t pid, struct error *e);

/* Makes the network namespace if it is a new one. Host and domain name, `lo` up, sysctls: in the
 * new namespaces, before the root changes. */
int namespaces_set_up(const struct spec *spec, struct error *e);

#endif
