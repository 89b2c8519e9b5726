/* Paths inside a root file system whose content nobody trusts: links are followed as the container
 * would follow them, never out of the root. openat2(2), RESOLVE_IN_ROOT. */
#ifndef STASIS_RUNTIME_ROOTFS_PATH_H
#define STASIS_RUNTIME_ROOTFS_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* Opens `path` (O_PATH | O_CLOEXEC | flags) below the directory `root`. A descriptor that the
 * caller closes, or -1 with errno; ENOENT if it is not there. */
int rootfs_open(int root, const char *path, int flags);

/* The same, but makes what is missing: directories on the way and at the end a directory, or an
 * empty file unless `directory`. A dangling link leads to where it would point. */
int rootfs_make(int root, const char *path, bool directory, struct arena *arena, struct error *e);

/* Opens the directory of `path`, made if missing; *name is the last component. */
int rootfs_make_parent(int root, const char *path, const char **name, struct arena *arena,
                       struct error *e);

#endif
