/* The container's file system: its mounts, and the step into it. pivot_root(2). */
#ifndef STASIS_RUNTIME_ROOTFS_H
#define STASIS_RUNTIME_ROOTFS_H

#include "runtime/cgroup_hierarchies.h"
#include "runtime/spec.h"

/* In a new mount namespace: makes every mount, device and the working directory of the spec below
 * spec->rootfs. Returns a descriptor of it, or -1. `before_cgroups` (0 or -1) runs once before the
 * first mount of cgroups, or at the end. */
int rootfs_furnish(const struct spec *spec, const char *bundle,
                   const struct hierarchies *hierarchies,
                   int (*before_cgroups)(void *argument, struct error *e), void *argument,
                   struct arena *arena, struct error *e);

/* Makes `root` the root of the namespace and the working directory. The old one is gone after it.
 * 0 or -1. */
int rootfs_enter(int root, const struct spec *spec, struct error *e);

#endif
