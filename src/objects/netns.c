#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "kernel/rtnetlink.h"
#include "objects/namespace_kinds.h"
#include "objects/netdev.h"
#include "objects/netfilter.h"

/* The name under which a namespace that the caller keeps (options->netns_path) is noted. */
#define EXTERNAL_KEY "extRootNetNS"

static const char ping_group_range[] = "/proc/sys/net/ipv4/ping_group_range";

/* The kernel's own routes follow from addresses; any other was somebody's. */
static int refuse_routes(struct dump *dump, int socket, struct error *e)
{
    rtnetlink_messages routes = {0};
    if (rtnetlink_list(socket, RTM_GETROUTE, dump->arena, &routes, e) < 0)
        return -1;
    for (size_t i = 0; i < routes.count; i++) {
        const struct rtmsg *route = NLMSG_DATA(routes.items[i]);
        if (route->rtm_protocol != RTPROT_KERNEL && !(route->rtm_flags & RTM_F_CLONED))
            return fail(e, ENOTSUP, "route of protocol %u in table %u: not supported",
                        route->rtm_protocol, route->rtm_table);
    }
    return 0;
}

static char *read_ping_group_range(struct arena *arena)
{
    struct error ignored;
    char *text = read_file_at(AT_FDCWD, ping_group_range, arena, NULL, &ignored);
    if (text)
        text[strcspn(text, "\n")] = 0;
    return text;
}

static int write_entry(struct dump *dump, uint32_t id, bool external, struct error *e)
{
    NetnsEntry entry = NETNS_ENTRY__INIT;
    SysctlEntry ping = SYSCTL_ENTRY__INIT, *sysctls[] = {&ping};
    ping.type = SYSCTL_TYPE__CTL_STR;
    ping.sarg = external ? NULL : read_ping_group_range(dump->arena);
    if (ping.sarg) {
        entry.ipv4_sysctl = sysctls;
        entry.n_ipv4_sysctl = 1;
    }
    if (external)
        entry.ext_key = (char *)EXTERNAL_KEY;
    return image_write_one(dump->images, IMAGE_NETNS, id, &entry.base, e);
}

static int save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    if (dump->options->netns_path)
        return write_entry(dump, ns->id, true, e);
    AUTO_CLOSE int socket = rtnetlink_open(e);
    if (socket < 0 || netdevs_save(dump, ns->id, socket, e) < 0 ||
        refuse_routes(dump, socket, e) < 0 || netfilter_refuse(dump, e) < 0)
        return -1;
    return write_entry(dump, ns->id, false, e);
}

/* "net.ipv4.conf.eth0/1.forwarding" is net/ipv4/conf/eth0.1/forwarding. sysctl(8) */
static int set_parameter(const struct stasis_mapping *sysctl, struct error *e)
{
    char path[256];
    size_t length = strlen(sysctl->key);
    AUTO_CLOSE int sys = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sys < 0)
        return fail_errno(e, "/proc/sys");
    if (length >= sizeof(path))
        return fail(e, ENAMETOOLONG, "name too long");
    memcpy(path, sysctl->key, length + 1);
    for (char *at = path; *at; at++)
        *at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
    if (!starts_with(path, "net/") || !path_is_plain(path))
        return fail(e, EINVAL, "no parameter of a network namespace");
    return write_string_at(sys, path, sysctl->value, e);
}

static int set_parameters(const struct stasis_options *options, struct error *e)
{
    for (size_t i = 0; i < options->net_sysctls_count; i++)
        if (set_parameter(&options->net_sysctls[i], e) < 0)
            return fail_in(e, "sysctl %s", options->net_sysctls[i].key);
    return 0;
}

static int fill(struct restore *restore, uint32_t id, struct error *e)
{
    const NetnsEntry *entry = image_read_one(restore->arena, restore->images_dir, IMAGE_NETNS, id,
                                             &netns_entry__descriptor, e);
    if (!entry)
        return -1;
    if (entry->ext_key)
        return fail(e, EINVAL, "the image names one from outside (%s), and none is given",
                    entry->ext_key);
    AUTO_CLOSE int socket = rtnetlink_open(e);
    if (socket < 0 || netdevs_fill(restore, id, socket, e) < 0)
        return -1;
    if (entry->n_ipv4_sysctl && entry->ipv4_sysctl[0]->sarg &&
        write_string_at(AT_FDCWD, ping_group_range, entry->ipv4_sysctl[0]->sarg, e) < 0)
        return -1;
    return set_parameters(restore->options, e);
}

const struct namespace_kind net_namespace_kind = {.type = NS_NET,
                                                  .proc_name = "net",
                                                  .clone_flag = CLONE_NEWNET,
                                                  .saved_inside = true,
                                                  .save = save,
                                                  .fill = fill};
