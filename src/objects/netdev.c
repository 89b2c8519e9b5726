#include "objects/netdev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "kernel/rtnetlink.h"

/* First word of what `ip address save` writes, and so of the images of addresses. */
enum { ADDRESSES_MAGIC = 0x47361222, LOOPBACK_INDEX = 1, LARGEST_ADDRESSES_IMAGE = 1 << 20 };

static const char *device_name(const struct nlmsghdr *link)
{
    const struct rtattr *name = rtnetlink_attribute(link, sizeof(struct ifinfomsg), IFLA_IFNAME, 2);
    return name ? RTA_DATA(name) : "?";
}

/* Tunnel modules put one device of each kind into every new namespace; unused it is down. */
static bool comes_with_the_namespace(const struct nlmsghdr *link)
{
    static const char *const names[] = {"sit0",    "tunl0",    "gre0",    "gretap0", "erspan0",
                                        "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"};
    const struct ifinfomsg *info = NLMSG_DATA(link);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!(info->ifi_flags & IFF_UP) && !strcmp(device_name(link), names[i]))
            return true;
    return false;
}

static void save_loopback(const struct nlmsghdr *link, struct image *image)
{
    const struct ifinfomsg *info = NLMSG_DATA(link);
    const struct rtattr *mtu = rtnetlink_attribute(link, sizeof(*info), IFLA_MTU, 4);
    NetDeviceEntry entry = NET_DEVICE_ENTRY__INIT;
    entry.type = ND_TYPE__LOOPBACK;
    entry.ifindex = (uint32_t)info->ifi_index;
    entry.flags = info->ifi_flags;
    entry.name = (char *)device_name(link);
    if (mtu)
        memcpy(&entry.mtu, RTA_DATA(mtu), sizeof(entry.mtu));
    image_add(image, &entry.base);
}

static int save_devices(struct dump *dump, uint32_t id, int socket, struct error *e)
{
    rtnetlink_messages links = {0};
    if (rtnetlink_list(socket, RTM_GETLINK, dump->arena, &links, e) < 0)
        return -1;
    struct image *image = image_create(dump->images, IMAGE_NETDEV, id);
    for (size_t i = 0; i < links.count; i++) {
        const struct ifinfomsg *info = NLMSG_DATA(links.items[i]);
        if (info->ifi_flags & IFF_LOOPBACK)
            save_loopback(links.items[i], image);
        else if (!comes_with_the_namespace(links.items[i]))
            return fail(e, ENOTSUP, "network device %s: not supported",
                        device_name(links.items[i]));
    }
    return image_close(image, e);
}

/* 127.0.0.1/8 and ::1/128 come when the loopback device goes up. */
static bool comes_with_the_device(const struct nlmsghdr *message)
{
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    const struct rtattr *address =
        rtnetlink_attribute(message, sizeof(*info), IFA_ADDRESS, sizeof(struct in_addr));
    if (!address || info->ifa_index != LOOPBACK_INDEX)
        return false;
    uint32_t loopback = htonl(INADDR_LOOPBACK);
    if (info->ifa_family == AF_INET)
        return info->ifa_prefixlen == 8 && !memcmp(RTA_DATA(address), &loopback, 4);
    return info->ifa_family == AF_INET6 && RTA_PAYLOAD(address) == sizeof(in6addr_loopback) &&
           !memcmp(RTA_DATA(address), &in6addr_loopback, sizeof(in6addr_loopback));
}

static char *addresses_image_name(struct arena *arena, uint32_t id)
{
    return arena_printf(arena, "ifaddr-%u.img", id);
}

static int save_addresses(struct dump *dump, uint32_t id, int socket, struct error *e)
{
    rtnetlink_messages addresses = {0};
    if (rtnetlink_list(socket, RTM_GETADDR, dump->arena, &addresses, e) < 0)
        return -1;
    AUTO_CLOSE int fd = -1;
    for (size_t i = 0; i < addresses.count; i++) {
        const struct nlmsghdr *message = addresses.items[i];
        if (comes_with_the_device(message))
            continue;
        uint32_t magic = ADDRESSES_MAGIC;
        if (fd < 0) {
            fd = image_set_create(dump->images, addresses_image_name(dump->arena, id), e);
            if (fd < 0)
                return -1;
            if (write_all(fd, &magic, sizeof(magic)) < 0)
                return fail_errno(e, "cannot write the image of addresses");
        }
        if (write_all(fd, message, NLMSG_ALIGN(message->nlmsg_len)) < 0)
            return fail_errno(e, "cannot write the image of addresses");
    }
    return 0;
}

int netdevs_save(struct dump *dump, uint32_t id, int socket, struct error *e)
{
    return save_devices(dump, id, socket, e) < 0 ? -1 : save_addresses(dump, id, socket, e);
}

static int set_loopback(const NetDeviceEntry *entry, int socket, struct error *e)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
        struct rtattr mtu_attribute;
        uint32_t mtu;
    } request = {
        .header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWLINK},
        .info = {.ifi_index = LOOPBACK_INDEX,
                 .ifi_flags = entry->flags & IFF_UP,
                 .ifi_change = IFF_UP},
        .mtu_attribute = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_MTU},
        .mtu = entry->mtu,
    };
    errno = -rtnetlink_do(socket, &request.header);
    return errno ? fail_errno(e, "network device %s", entry->name) : 0;
}

static int fill_devices(struct restore *restore, uint32_t id, int socket, struct error *e)
{
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_NETDEV, id, e);
    if (!reader)
        return -1;
    const NetDeviceEntry *entry;
    *e = (struct error){0};
    while ((entry = image_next(reader, &net_device_entry__descriptor, e))) {
        if (entry->type != ND_TYPE__LOOPBACK)
            return fail(e, ENOTSUP, "network device %s: not supported", entry->name);
        if (set_loopback(entry, socket, e) < 0)
            return -1;
    }
    return e->code ? -1 : 0;
}

/* Lifetimes and the like in the kernel's message are taken by RTM_NEWADDR as they were given. */
static int add_addresses(char *data, size_t size, int socket, struct error *e)
{
    struct nlmsghdr *message = (struct nlmsghdr *)(void *)data;
    for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
        if (message->nlmsg_type != RTM_NEWADDR ||
            message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
            return fail(e, EBADMSG, "image of addresses is damaged");
        message->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
        message->nlmsg_pid = 0;
        errno = -rtnetlink_do(socket, message);
        if (errno && errno != EEXIST)
            return fail_errno(e, "cannot add an address");
    }
    return size ? fail(e, EBADMSG, "image of addresses is truncated") : 0;
}

static int fill_addresses(struct restore *restore, uint32_t id, int socket, struct error *e)
{
    const char *name = addresses_image_name(restore->arena, id);
    AUTO_CLOSE int fd = openat(restore->images_dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_errno(e, "%s", name);
    size_t size;
    char *data = read_fd_whole(fd, restore->arena, &size, e);
    uint32_t magic = 0;
    if (!data)
        return -1;
    if (size == 0)
        return 0;
    if (size >= sizeof(magic))
        memcpy(&magic, data, sizeof(magic));
    if (magic != ADDRESSES_MAGIC || size > LARGEST_ADDRESSES_IMAGE)
        return fail(e, EBADMSG, "%s is no image of addresses", name);
    return add_addresses(data + sizeof(magic), size - sizeof(magic), socket, e);
}

int netdevs_fill(struct restore *restore, uint32_t id, int socket, struct error *e)
{
    return fill_devices(restore, id, socket, e) < 0 ? -1 : fill_addresses(restore, id, socket, e);
}
