#include "kernel/rtnetlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int rtnetlink_open(struct error *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? fail_errno(e, "cannot talk to the network namespace") : fd;
}

/* Adds what one datagram holds. 1: more will come, 0: that was all, -1 with *e. */
static int take_messages(const char *data, size_t size, rtnetlink_messages *messages,
                         struct arena *arena, struct error *e)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)data;
    for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = NLMSG_DATA(message);
            errno = -error->error;
            return fail_errno(e, "the network namespace does not answer");
        }
        vec_add(arena, messages, message);
    }
    return 1;
}

int rtnetlink_list(int socket, unsigned short type, struct arena *arena,
                   rtnetlink_messages *messages, struct error *e)
{
    enum { ROOM = 8192 };
    struct {
        struct nlmsghdr header;
        struct rtgenmsg family;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    if (send(socket, &request, sizeof(request), 0) < 0)
        return fail_errno(e, "cannot ask the network namespace");
    for (int more = 1; more;) {
        char *data = arena_alloc(arena, ROOM);
        ssize_t got = recv(socket, data, ROOM, 0);
        if (got < 0)
            return fail_errno(e, "the network namespace does not answer");
        more = take_messages(data, (size_t)got, messages, arena, e);
        if (more < 0)
            return -1;
    }
    return 0;
}

int rtnetlink_do(int socket, struct nlmsghdr *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[4096];
    } answer;
    request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    if (send(socket, request, request->nlmsg_len, 0) < 0)
        return -errno;
    if (recv(socket, &answer, sizeof(answer), 0) < 0)
        return -errno;
    return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EBADMSG;
}

const struct rtattr *rtnetlink_attribute(const struct nlmsghdr *message, size_t size,
                                         unsigned short type, size_t least)
{
    size_t fixed = NLMSG_SPACE(size);
    size_t left = message->nlmsg_len > fixed ? message->nlmsg_len - fixed : 0;
    const char *data = (const char *)message + fixed;
    const struct rtattr *attribute = (const struct rtattr *)(const void *)data;
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        if (attribute->rta_type == type)
            return RTA_PAYLOAD(attribute) >= least ? attribute : NULL;
    return NULL;
}
