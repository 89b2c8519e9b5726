/* Questions and orders to the network namespace of the calling thread. See rtnetlink(7). */
#ifndef STASIS_KERNEL_RTNETLINK_H
#define STASIS_KERNEL_RTNETLINK_H

#include <linux/rtnetlink.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* Messages of a dump, in the arena. */
typedef VEC(const struct nlmsghdr *) rtnetlink_messages;

/* A socket in the namespace that the caller is in now, the caller's to close. -1 with *e. */
int rtnetlink_open(struct error *e);

/* Asks for all objects of a kind: RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE. 0, or -1 with *e. */
int rtnetlink_list(int socket, unsigned short type, struct arena *arena,
                   rtnetlink_messages *messages, struct error *e);

/* Sends one request (NLM_F_REQUEST and NLM_F_ACK are added) and waits for the kernel's word.
 * 0, or the negative errno that it answered. */
int rtnetlink_do(int socket, struct nlmsghdr *request);

/* The attribute of `type` behind a message's fixed part of `size` bytes; NULL if there is none or
 * it is shorter than `least`. */
const struct rtattr *rtnetlink_attribute(const struct nlmsghdr *message, size_t size,
                                         unsigned short type, size_t least);

#endif
