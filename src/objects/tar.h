/* A directory tree as a compressed tar archive (pax interchange format): what is in a tmpfs.
 *
 * libarchive reads; it does not write here, because a static link of its writer takes in every
 * format that it knows, with libxml2 and a shared one costs a millisecond of start-up. */
#ifndef STASIS_OBJECTS_TAR_H
#define STASIS_OBJECTS_TAR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct tar_tree {
    int directory;
    bool small; /* little is to be written: saves memory */
    /* Paths ("/a/b") of mount points where the tree is mounted on itself; ends in NULL. */
    const char *const *own_mounts;
};

/* Writes the tree to the new file `fd`: a mount point as an empty file or directory, a socket not
 * at all. 0, or -1 with *e. */
int tar_write(int fd, const struct tar_tree *tree, struct error *e);

/* An archive without entries. */
int tar_write_empty(int fd, struct error *e);
bool tar_is_empty(int fd);

/* Makes what the untrusted archive holds in the empty `directory`, never leaving it. 0 or -1. */
int tar_read(int fd, int directory, struct arena *arena, struct error *e);

#endif
