/* Kinds of file systems that a new instance can be made of. */
#ifndef STASIS_OBJECTS_FILESYSTEM_H
#define STASIS_OBJECTS_FILESYSTEM_H

#include "objects/object.h"

struct mount;

struct filesystem_kind {
    const char *name; /* as mountinfo and fsopen(2) have it */
    Fstype number;    /* in images */
    /* Can a new instance be mounted that is what the old one was? */
    bool renewable;
    /* The namespace that decides which instance a mount(2) shows; NS_TYPES: none. */
    enum namespace_type follows;
    /* Every mount(2) is an instance of its own: one that is also mounted outside is not the tree's.
     */
    bool private_instance;
    /* Stores and brings back what is in it. `directory` is its root. NULL: nothing to do. */
    int (*save)(struct dump *dump, const struct mount *mount, int directory, struct error *e);
    int (*fill)(struct restore *restore, const struct mount *mount, int directory, struct error *e);
};

/* By name; NULL for one that is unknown. */
const struct filesystem_kind *filesystem_kind_by_name(const char *name);
const struct filesystem_kind *filesystem_kind_by_number(uint32_t number);

/* tmpfs.c */
int tmpfs_save(struct dump *dump, const struct mount *mount, int directory, struct error *e);
int tmpfs_fill(struct restore *restore, const struct mount *mount, int directory, struct error *e);

#endif
