/* Looking at descriptors from outside, and what all kinds of files have in common. */
#ifndef STASIS_OBJECTS_REGISTRY_H
#define STASIS_OBJECTS_REGISTRY_H

#include "objects/object.h"

/* Fills *view for one descriptor of a frozen process; the caller closes view->fd. 0, or -1 with *e.
 * See pidfd_getfd(2), proc(5). */
int view_descriptor(struct dump *dump, const struct owner *owner, int number, struct fd_view *view,
                    struct error *e);

/* Fills a message with who gets SIGIO of a file: F_GETOWN_EX and F_GETSIG of fcntl(2). */
int save_owner_of_signals(const struct fd_view *view, FownEntry *fown, struct error *e);

/* A fresh id of the numbering that files of images share. */
uint32_t registry_next_id(struct dump *dump);

#endif
