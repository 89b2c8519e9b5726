/* Mounts of the tree's mount namespace. See mount_namespaces(7). */
#ifndef STASIS_OBJECTS_MOUNT_H
#define STASIS_OBJECTS_MOUNT_H

#include "kernel/mountinfo.h"
#include "objects/object.h"

/* Where the file system behind a mount comes from at restore. */
enum mount_source {
    MOUNT_ROOT,     /* the root: options->root */
    MOUNT_EXTERNAL, /* the caller names a path */
    MOUNT_BIND,     /* another mount of the tree shows the same file system: `origin` */
    MOUNT_OUTSIDE,  /* the tree's root is the dumper's own, and this is one of its mounts too */
    MOUNT_NEW,      /* a new instance, by its kind */
};

/* One mount: at dump as the kernel has it, at restore as the image has it. */
struct mount {
    struct mountinfo info;
    uint32_t device;      /* of its file system: major << 20 | minor, as images hold it */
    uint32_t flags;       /* MS_* of the mount, with MS_SHARED and its like, as images hold it */
    uint32_t super_flags; /* MS_* of the file system */
    const char *data;     /* options of the file system without those */
    const char *external; /* the name that its source has outside, or NULL */
    struct mount *parent; /* NULL: the root */
    struct mount *origin; /* MOUNT_BIND */
    enum mount_source source;
    const struct filesystem_kind *kind; /* NULL: one that only the outside can provide */
};

struct mount_table {
    struct mount *mounts; /* a parent stands before its children; the root is first */
    size_t count;
};

/* ---- dump ---- */

/* Reads the mounts that the tree's root sees into dump->mounts, and finds out where each comes
 * from. Fails for what a restore could not bring back. */
int mounts_of_tree(struct dump *dump, const struct owner *root, struct error *e);

/* The dumper's own mounts, read once. NULL with *e. */
const mountinfo_list *mounts_of_dumper(struct dump *dump, struct error *e);

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

/* ---- both ---- */

/* A tree that only unshared its mounts has the root of `own`, the dumper's or builder's mounts:
 * what both have comes from outside again. */
bool mount_table_shares_root(const struct mount_table *table, const mountinfo_list *own);

/* Puts parents before their children, finds parents, and decides each mount's source (external
 * names are set before). `outside` are the mounts of the dumper or builder, where the tree shares
 * their root, else empty. Fails for a list that is no tree. */
int mount_table_arrange(struct mount_table *table, const mountinfo_list *outside,
                        struct arena *arena, struct error *e);

/* The mount of `outside` that shows the file system of `mount` from the same directory or above. */
const struct mountinfo *mount_find_outside(const mountinfo_list *outside,
                                           const struct mount *mount);

/* What a mount is called in messages: `mount /x (fuse)`. */
#define MOUNT_FORMAT "mount %s (%s)"
#define MOUNT_NAME(mount) (mount)->info.point, (mount)->info.type

#endif
