#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/sysctl.h"

int namespaces_join_given(const struct spec *spec, struct error *e)
{
    for (size_t i = 0; i < spec->joined_count; i++) {
        const struct namespace_path *joined = &spec->joined[i];
        AUTO_CLOSE int fd = open(joined->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, (int)joined->flag) < 0)
            return fail_errno(e, "cannot join namespace %s", joined->path);
    }
    return 0;
}

int namespaces_join_all_of(pid_t pid, struct error *e)
{
    AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return fail_errno(e, "pid %d", pid);
    int all =
        CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    if (setns(fd, all) < 0)
        return fail_errno(e, "cannot join the namespaces of pid %d", pid);
    return 0;
}

static int bring_loopback_up(struct error *e)
{
    AUTO_CLOSE int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (any < 0 || ioctl(any, SIOCSIFFLAGS, &request) < 0)
        return fail_errno(e, "cannot bring lo up");
    return 0;
}

int namespaces_set_up(const struct spec *spec, struct error *e)
{
    /* Not by clone3(2), which would keep the caller waiting for the slowest of all namespaces. */
    if (spec->new_namespaces & CLONE_NEWNET && unshare(CLONE_NEWNET) < 0)
        return fail_errno(e, "network namespace");
    bool own_uts = spec_has_own(spec, CLONE_NEWUTS);
    const char *host = spec->hostname, *domain = spec->domainname;
    if (((host && *host) || (domain && *domain)) && !own_uts)
        return fail(e, EINVAL, "a hostname needs a uts namespace of the container's own");
    if (host && *host && sethostname(host, strlen(host)) < 0)
        return fail_errno(e, "hostname %s", host);
    if (domain && *domain && setdomainname(domain, strlen(domain)) < 0)
        return fail_errno(e, "domainname %s", domain);
    if (spec->new_namespaces & CLONE_NEWNET && bring_loopback_up(e) < 0)
        return -1;
    return sysctl_apply(spec, e);
}
