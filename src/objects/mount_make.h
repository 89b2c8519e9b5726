/* Makes single mounts by the kernel's mount descriptors. See fsopen(2), open_tree(2),
 * move_mount(2), mount_setattr(2). All return a descriptor or 0, or -1 with *e. */
#ifndef STASIS_OBJECTS_MOUNT_MAKE_H
#define STASIS_OBJECTS_MOUNT_MAKE_H

#include "objects/mount.h"

/* A new, detached instance of mount->kind, writable, with its contents from the image. */
int mount_make_new(struct restore *restore, const struct mount *mount, struct error *e);

/* A detached copy of what `path` below `directory` (or AT_FDCWD) shows, without mounts in it. */
int mount_clone(int directory, const char *path, struct error *e);

/* The same of `path` ("/a/b", "" for the mount itself) in an attached mount, following no link and
 * crossing no other mount. */
int mount_clone_below(int mount, const char *path, struct error *e);

/* Gives a mount the flags that the image has, and takes its propagation away; a slave of mounts
 * outside stays one where `keep_master` is set. */
int mount_set_flags(int fd, const struct mount *mount, bool keep_master, struct error *e);

/* Attaches a detached mount at `path` in an attached one, following no link and crossing no other
 * mount. */
int mount_attach_below(int mount, const char *path, int fd, struct error *e);

#endif
