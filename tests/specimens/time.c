/* Time by the vDSO and by the kernel agree and never run backwards. */
#include "specimen.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(struct timespec time)
{
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void check(clockid_t clock, struct timespec before)
{
    struct timespec a = {0}, b = {0}, c = {0};
    DEMAND(clock_gettime(clock, &a) == 0 && syscall(SYS_clock_gettime, clock, &b) == 0);
    DEMAND(clock_gettime(clock, &c) == 0);
    DEMAND(nanoseconds(before) <= nanoseconds(a));
    DEMAND(nanoseconds(a) <= nanoseconds(b) && nanoseconds(b) <= nanoseconds(c));
}

int main(void)
{
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    struct timespec before[3];
    for (int i = 0; i < 3; i++)
        MUST(clock_gettime(clocks[i], &before[i]) == 0);
    specimen_ready();
    for (int i = 0; i < 3; i++)
        check(clocks[i], before[i]);
    DEMAND(time(NULL) >= before[0].tv_sec);
    specimen_end();
}
