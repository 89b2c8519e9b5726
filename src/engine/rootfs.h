/* The root file system of a container: storage drivers.
 *
 * A driver shows the image's layers and the container's own changes as one directory. Mounts are
 * made by the monitor in a mount namespace of its own, so that none can be left behind. */
#ifndef STASIS_ENGINE_ROOTFS_H
#define STASIS_ENGINE_ROOTFS_H

#include "engine/record.h"

struct storage_driver {
    const char *name;
    /* Where the root file system appears; the arena's path. */
    char *(*path)(const struct container *container, struct arena *arena);
    /* Makes (or makes anew, without any changes) what the container needs of its own. */
    int (*create)(struct container *container, struct error *e);
    int (*mount)(struct container *container, struct error *e); /* NULL: nothing to mount */
    /* Writes the changes against the image to the file `path` below `dir` as a layer tar; no
     * changes, no file. */
    int (*save_changes)(struct container *container, int dir, const char *path, struct error *e);
    /* Applies such a tar to a fresh root file system. */
    int (*apply_changes)(struct container *container, int tar, struct error *e);
};

extern const struct storage_driver overlay_driver, vfs_driver;

/* Name of the driver to use: as asked, or what works on the file system of `root`. NULL: *e. */
const char *rootfs_choose_driver(int root, const char *wanted, struct error *e);

const struct storage_driver *rootfs_driver(const struct container *container);

/* Makes it without changes. */
int rootfs_create(struct container *container, struct error *e);
/* Absolute path of it, once it is mounted. */
char *rootfs_path(const struct container *container, struct arena *arena);

/* Mounts it in this process's mount namespace, with which it goes away: umount(2) would wait for a
 * grace period of the kernel. */
int rootfs_mount(struct container *container, struct error *e);

/* The GraphDriver object of inspect. */
json_t *rootfs_describe(const struct container *container);

#endif
