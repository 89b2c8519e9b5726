#include "objects/netfilter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "kernel/rtnetlink.h"

static int fail_table(const char *kind, const char *name, struct error *e)
{
    return fail(e, ENOTSUP, "%s table %s: not supported", kind, name);
}

/* The names of legacy tables, a line each; no file where the kernel has never had one. */
static int refuse_legacy(struct dump *dump, const char *path, const char *kind, struct error *e)
{
    struct error ignored;
    char *names = read_file_at(AT_FDCWD, path, dump->arena, NULL, &ignored);
    if (!names || !*names)
        return 0;
    names[strcspn(names, "\n")] = 0;
    return fail_table(kind, names, e);
}

static int ask_for_tables(int socket, char *answer, size_t size)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg family;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .family = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0}};
    if (send(socket, &request, sizeof(request), 0) < 0)
        return -1;
    return (int)recv(socket, answer, size, 0);
}

/* A kernel without nftables has no tables either. */
int netfilter_refuse(struct dump *dump, struct error *e)
{
    enum { ROOM = 8192 };
    char *answer = arena_alloc(dump->arena, ROOM);
    AUTO_CLOSE int nft = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    int got = nft < 0 ? -1 : ask_for_tables(nft, answer, ROOM);
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)answer;
    if (got > 0 && NLMSG_OK(message, (unsigned)got) &&
        message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE)) {
        const struct rtattr *name =
            rtnetlink_attribute(message, sizeof(struct nfgenmsg), NFTA_TABLE_NAME, 1);
        return fail_table("nftables", name ? RTA_DATA(name) : "?", e);
    }
    if (refuse_legacy(dump, "/proc/thread-self/net/ip_tables_names", "iptables", e) < 0)
        return -1;
    return refuse_legacy(dump, "/proc/thread-self/net/ip6_tables_names", "ip6tables", e);
}
