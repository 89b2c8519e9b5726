/* Peer groups and masters of the tree's mounts. See mount_namespaces(7), "Shared subtrees". */
#ifndef STASIS_OBJECTS_MOUNT_PROPAGATION_H
#define STASIS_OBJECTS_MOUNT_PROPAGATION_H

#include "objects/mount.h"

/* Is its master a group that no mount of the tree is in? */
bool mount_has_master_outside(const struct mount_table *table, const struct mount *mount);

/* Puts the mounts, all attached and private, into the groups that the image has. fds[i] is mount
 * i's descriptor. 0, or -1 with *e. */
int mounts_share(const struct mount_table *table, const int *fds, struct arena *arena,
                 struct error *e);

#endif
