/* The container's file system: its mounts, and the step into it. pivot_root(2). */
#ifndef STASIS_RUNTIME_ROOTFS_H
#define STASIS_RUNTIME_ROOTFS_H

#include "runtime/cgroup_hierarchies.h"
#include "runtime/spec.h"

/* In a new mount namespace: makes every mount of the spec, then makes spec->rootfs the root of the
 * namespace and the working directory. The old root is gone after it. 0 or -1. */
int rootfs_enter(const struct spec *spec, const char *bundle, const struct hierarchies *hierarchies,
                 struct arena *arena, struct error *e);

#endif
