/* Paths of the container that it may not read, or not write. OCI linux.maskedPaths,
 * linux.readonlyPaths. */
#ifndef STASIS_RUNTIME_HIDDEN_PATHS_H
#define STASIS_RUNTIME_HIDDEN_PATHS_H

#include "runtime/spec.h"

/* Paths that do not exist are passed over. 0 or -1. */
int hidden_paths_make(int root, const struct spec *spec, struct error *e);

#endif
