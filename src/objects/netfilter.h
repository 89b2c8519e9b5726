/* Packet filters of the tree's own network namespace. */
#ifndef STASIS_OBJECTS_NETFILTER_H
#define STASIS_OBJECTS_NETFILTER_H

#include "objects/object.h"

/* Fails, naming one, where the namespace that the calling thread is in has tables of nftables or of
 * iptables: they are not brought back. */
int netfilter_refuse(struct dump *dump, struct error *e);

#endif
