/* Network devices of the tree's own network namespace, and their addresses. */
#ifndef STASIS_OBJECTS_NETDEV_H
#define STASIS_OBJECTS_NETDEV_H

#include "objects/object.h"

/* Write netdev-ID.img and, where a device has addresses that it does not get by itself,
 * ifaddr-ID.img. `socket` is from rtnetlink_open in the namespace. 0, or -1 with *e. */
int netdevs_save(struct dump *dump, uint32_t id, int socket, struct error *e);

/* Brings devices and addresses back into the namespace of `socket`. 0, or -1 with *e. */
int netdevs_fill(struct restore *restore, uint32_t id, int socket, struct error *e);

#endif
