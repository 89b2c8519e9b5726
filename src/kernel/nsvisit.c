#include "kernel/nsvisit.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int nsvisit_begin(struct nsvisit *visit, int pidfd, int flags, struct error *e)
{
    *visit = (struct nsvisit){.home = -1};
    if (!flags)
        return 0;
    int home = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (home < 0)
        return fail_errno(e, "cannot hold on to the own namespaces");
    if (setns(pidfd, flags) < 0) {
        fail_errno(e, "cannot enter its namespaces");
        close(home);
        return -1;
    }
    *visit = (struct nsvisit){.home = home, .flags = flags};
    return 0;
}

void nsvisit_end(struct nsvisit *visit)
{
    if (visit->home < 0)
        return;
    if (setns(visit->home, visit->flags) < 0)
        abort();
    close(visit->home);
    visit->home = -1;
}
