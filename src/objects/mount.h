/* Mounts of the tree's mount namespace. See mount_namespaces(7). */
#ifndef STASIS_OBJECTS_MOUNT_H
#define STASIS_OBJECTS_MOUNT_H

#include "kernel/mountinfo.h"
#include "objects/object.h"

/* One mount: at dump as the kernel has it, at restore as the image has it. */
struct mount {
    struct mountinfo info;
    uint32_t device;      /* of its file system: major << 20 | minor, as images hold it */
    uint32_t flags;       /* MS_* of the mount, with MS_SHARED and its like: images' `flags` */
    uint32_t super_flags; /* MS_* of the file system */
    const char *external; /* the name that its source has outside, or NULL */
    struct mount *parent; /* NULL: the root */
};

struct mount_table {
    VEC(struct mount) mounts; /* a parent stands before its children; the root is first */
};

/* Reads the mounts that the tree's root sees into dump->mounts. */
int mounts_of_tree(struct dump *dump, const struct owner *root, struct error *e);

/* By the kernel's id (mnt_id in fdinfo), which is also the id in images. NULL: no such mount in the
 * tree's namespace (or it cannot be reached from its root). */
const struct mount *mount_by_id(const struct mount_table *table, int id);

/* The mount that a path, as the tree's root sees it, ends in. */
const struct mount *mount_of_path(const struct mount_table *table, const char *path);

/* The mnt_id for the image of a file: -1 while the tree shares the dumper's mounts (images leave
 * the field out then); fails where the file's mount is none of the tree's, or another one covers
 * the path. `link` is the file's path as view->link has it. */
int mount_image_id(const struct dump *dump, int mount_id, const char *link, int *image_id,
                   struct error *e);

/* The device number of a file for images: that of its mount where the tree has its own mounts
 * (file systems such as overlay and btrfs give files others by stat(2)), else of `st_dev`. */
uint32_t mount_device(const struct dump *dump, int mount_id, dev_t st_dev);

#endif
