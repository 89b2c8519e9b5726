/* What a container sees of its cgroups: an OCI mount of type "cgroup". */
#ifndef STASIS_RUNTIME_CGROUP_MOUNTS_H
#define STASIS_RUNTIME_CGROUP_MOUNTS_H

#include "runtime/cgroup_hierarchies.h"
#include "runtime/spec.h"

/* With v1, a tmpfs with the container's own cgroup of every hierarchy bound below it; with v2
 * alone, the cgroup2 file system, whose root is the cgroup namespace's. */
int cgroup_mounts_make(int root, const struct mount_spec *mount,
                       const struct hierarchies *hierarchies, const char *cgroups_path,
                       struct arena *arena, struct error *e);

/* The directory below the mount's destination where a hierarchy appears ("memory", "unified"). */
const char *cgroup_mounts_name(const struct hierarchy *hierarchy);

/* Are there v1 hierarchies to bind? */
bool cgroup_mounts_are_binds(const struct hierarchies *hierarchies);

#endif
