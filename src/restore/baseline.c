/* What a vessel has from the builder before its script says otherwise. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/procfs.h"
#include "restore/vessel.h"

enum { PR_TIMER_CREATE_RESTORE_IDS_ = 77, RESTORE_IDS_GET = 2 };

static uint64_t ignored_signals(void)
{
    uint64_t ignored = 0;
    for (int signal = 1; signal < 65; signal++) {
        struct {
            void *handler;
            uint64_t flags, restorer, mask;
        } action = {0};
        if (syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof(uint64_t)) == 0 &&
            action.handler == (void *)SIG_IGN)
            ignored |= 1ULL << (signal - 1);
    }
    return ignored;
}

static int learn_limits(struct baseline *before, struct error *e)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (syscall(SYS_prlimit64, 0, i, NULL, &before->limits[i]) < 0)
            return fail_errno(e, "cannot read own limits");
    return 0;
}

static int learn_scheduling(struct baseline *before, struct error *e)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof(attributes)};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0)
        return fail_errno(e, "cannot read own scheduling");
    before->policy = (int)attributes.policy;
    before->nice = attributes.nice;
    before->priority = attributes.priority;
    return 0;
}

static int learn_oom_score(struct baseline *before, struct error *e)
{
    AUTO_FCLOSE FILE *file = fopen("/proc/self/oom_score_adj", "re");
    if (!file || fscanf(file, "%d", &before->oom_score_adj) != 1)
        return fail_errno(e, "/proc/self/oom_score_adj");
    return 0;
}

static int learn_capabilities(struct baseline *before, struct error *e)
{
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2];
    if (syscall(SYS_capget, &header, data) < 0)
        return fail_errno(e, "cannot read own capabilities");
    before->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    for (uint64_t c = 0; c < 64; c++) {
        int has = prctl(PR_CAPBSET_READ, c);
        if (has < 0)
            break;
        before->bounding |= (uint64_t)has << c;
    }
    return 0;
}

/* [vvar] and what follows it up to [vdso]. */
static int learn_vdso(struct baseline *before, struct error *e)
{
    AUTO_FCLOSE FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        if (strstr(line, "[vvar"))
            before->vvar_size += end - start;
        else if (strstr(line, "[vdso]"))
            before->vdso_size = end - start;
    }
    return maps ? 0 : fail_errno(e, "/proc/self/maps");
}

int learn_baseline(struct baseline *before, struct error *e)
{
    if (learn_limits(before, e) < 0 || learn_scheduling(before, e) < 0 ||
        learn_oom_score(before, e) < 0 || learn_capabilities(before, e) < 0 ||
        learn_vdso(before, e) < 0)
        return -1;
    before->ignored_signals = ignored_signals();
    before->timers_by_id = prctl(PR_TIMER_CREATE_RESTORE_IDS_, RESTORE_IDS_GET, 0, 0, 0) >= 0;
    return 0;
}
