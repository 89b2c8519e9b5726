/* What a vessel has from the builder before its script says otherwise. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
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
    char text[16] = {0};
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        return fail_errno(e, "/proc/self/oom_score_adj");
    text[strcspn(text, "\n")] = 0;
    if (!parse_int(text, &before->oom_score_adj))
        return fail(e, EBADMSG, "/proc/self/oom_score_adj: is '%s'", text);
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
    /* A bound that the kernel does not know is refused: halve until the last known is found. */
    for (uint64_t unknown = 64; unknown - before->last_capability > 1;) {
        uint64_t middle = (before->last_capability + unknown) / 2;
        if (prctl(PR_CAPBSET_READ, middle) < 0)
            unknown = middle;
        else
            before->last_capability = middle;
    }
    return 0;
}

int learn_baseline(struct baseline *before, struct error *e)
{
    if (learn_limits(before, e) < 0 || learn_scheduling(before, e) < 0 ||
        learn_oom_score(before, e) < 0 || learn_capabilities(before, e) < 0)
        return -1;
    before->ignored_signals = ignored_signals();
    before->timers_by_id = prctl(PR_TIMER_CREATE_RESTORE_IDS_, RESTORE_IDS_GET, 0, 0, 0) >= 0;
    return 0;
}
