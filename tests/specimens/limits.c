/* Resource limits, niceness, scheduling policy, oom score, dumpable. */
#include "specimen.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void with_real_time(void *nothing)
{
    (void)nothing;
    struct sched_param param = {.sched_priority = 7};
    int reset = SCHED_FIFO | SCHED_RESET_ON_FORK;
    bool could = sched_setscheduler(0, reset, &param) == 0;
    specimen_leave_mark("real time");
    specimen_wait_told();
    param.sched_priority = 0;
    DEMAND(!could || sched_getscheduler(0) == reset);
    DEMAND(!could || (sched_getparam(0, &param) == 0 && param.sched_priority == 7));
}

int main(void)
{
    struct rlimit limit;
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    MUST(score >= 0 && write(score, "321", 3) == 3 && close(score) == 0);
    MUST(setrlimit(RLIMIT_CORE, &(struct rlimit){4096, 8192}) == 0);
    MUST(setrlimit(RLIMIT_NOFILE, &(struct rlimit){123, 1234}) == 0);
    MUST(setpriority(PRIO_PROCESS, 0, 5) == 0);
    MUST(prctl(PR_SET_DUMPABLE, 0) == 0);
    pid_t child = specimen_fork(with_real_time, NULL);
    specimen_wait_mark("real time");
    MUST(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}) == 0);

    specimen_ready();

    DEMAND(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 4096 && limit.rlim_max == 8192);
    DEMAND(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 123);
    DEMAND(limit.rlim_max == 1234);
    DEMAND(getpriority(PRIO_PROCESS, 0) == 5 && sched_getscheduler(0) == SCHED_BATCH);
    DEMAND(prctl(PR_GET_DUMPABLE) == 0);
    DEMAND(strcmp(specimen_read("/proc/self/oom_score_adj"), "321\n") == 0);
    specimen_join(child);
    specimen_end();
}
