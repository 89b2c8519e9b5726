/* Builds the tree's mounts in a fresh mount namespace. */
#ifndef STASIS_OBJECTS_MOUNT_TREE_H
#define STASIS_OBJECTS_MOUNT_TREE_H

#include "objects/object.h"

/* The fill of mount_namespace_kind: reads mountpoints-ID.img, builds its mounts below the root and
 * makes that the root of the calling process and of its mount namespace. */
int mount_tree_fill(struct restore *restore, uint32_t id, struct error *e);

#endif
