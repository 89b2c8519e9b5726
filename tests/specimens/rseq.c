/* The C library's restartable sequence area is registered: the kernel goes on writing the number
 * of the processor into it. */
#include "specimen.h"

#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>

static volatile struct rseq *area(void)
{
    return (volatile struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void run_on(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof(set), &set);
    sched_yield();
}

static void check_area(void)
{
    cpu_set_t allowed;
    DEMAND(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &allowed))
            continue;
        run_on(i);
        DEMAND(area()->cpu_id == (unsigned int)i);
    }
}

static void *run(void *nothing)
{
    specimen_wait_told();
    check_area();
    return nothing;
}

int main(void)
{
    pthread_t thread;
    if (__rseq_size == 0)
        specimen_end();
    MUST(pthread_create(&thread, NULL, run, NULL) == 0);
    specimen_ready();
    check_area();
    pthread_join(thread, NULL);
    specimen_end();
}
