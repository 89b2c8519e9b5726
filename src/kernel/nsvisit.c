#include "kernel/nsvisit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    int flag;
    const char *path;
} types[NSVISIT_TYPES] = {
    {CLONE_NEWUTS, "/proc/thread-self/ns/uts"},
    {CLONE_NEWIPC, "/proc/thread-self/ns/ipc"},
    {CLONE_NEWNET, "/proc/thread-self/ns/net"},
    {CLONE_NEWCGROUP, "/proc/thread-self/ns/cgroup"},
};

static void let_go(struct nsvisit *visit)
{
    for (int i = 0; i < NSVISIT_TYPES; i++) {
        if (visit->home[i] >= 0)
            close(visit->home[i]);
        visit->home[i] = -1;
    }
}

static int hold_home(struct nsvisit *visit, int flags)
{
    for (int i = 0; i < NSVISIT_TYPES; i++)
        if (flags & types[i].flag) {
            visit->home[i] = open(types[i].path, O_RDONLY | O_CLOEXEC);
            if (visit->home[i] < 0)
                return -1;
        }
    return 0;
}

int nsvisit_begin(struct nsvisit *visit, int pidfd, int flags, struct error *e)
{
    for (int i = 0; i < NSVISIT_TYPES; i++)
        visit->home[i] = -1;
    if (!flags || (hold_home(visit, flags) == 0 && setns(pidfd, flags) == 0))
        return 0;
    fail_errno(e, "cannot enter its namespaces");
    let_go(visit);
    return -1;
}

void nsvisit_end(struct nsvisit *visit)
{
    for (int i = 0; i < NSVISIT_TYPES; i++)
        if (visit->home[i] >= 0 && setns(visit->home[i], types[i].flag) < 0)
            abort();
    let_go(visit);
}
