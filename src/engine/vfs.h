/* What the parts of the vfs driver share. */
#ifndef STASIS_ENGINE_VFS_H
#define STASIS_ENGINE_VFS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "engine/record.h"

/* Is this overlayfs's mark of a removed file; of a directory that hides what lies below it? */
static inline bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}
bool is_opaque_directory(int dir);

/* Copies the layer in directory `from` over the tree in `to`. */
int vfs_copy_layer(int from, int to, struct error *e);

/* See struct storage_driver. */
int vfs_save_changes(struct container *container, int dir, const char *path, struct error *e);

#endif
