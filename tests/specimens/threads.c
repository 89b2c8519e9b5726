/* Threads with names, signal masks, stacks and thread-local memory of their own; joined afterwards,
 * which needs the address that the kernel clears at their end. */
#include "specimen.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COUNT = 8 };

static _Thread_local int mine;
static pthread_barrier_t set_up;
static long tids[COUNT];

static void name_of(int number, char name[16])
{
    snprintf(name, 16, "thread %d", number);
}

static void *run(void *argument)
{
    int number = *(int *)argument, on_stack = number * 3;
    char name[16], name_after[16] = "";
    sigset_t mask, mask_after;
    name_of(number, name);
    MUST(prctl(PR_SET_NAME, name) == 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN + number);
    MUST(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
    mine = number * 7;
    tids[number] = syscall(SYS_gettid);
    pthread_barrier_wait(&set_up);

    specimen_wait_told();

    DEMAND(mine == number * 7 && on_stack == number * 3);
    DEMAND(syscall(SYS_gettid) == tids[number]);
    DEMAND(prctl(PR_GET_NAME, name_after) == 0 && strcmp(name, name_after) == 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    DEMAND(memcmp(&mask, &mask_after, 8) == 0);
    return argument;
}

static void *end_at_once(void *nothing)
{
    return nothing;
}

int main(void)
{
    pthread_t threads[COUNT];
    int numbers[COUNT];
    pthread_barrier_init(&set_up, NULL, COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = i;
        MUST(pthread_create(&threads[i], NULL, run, &numbers[i]) == 0);
    }
    pthread_barrier_wait(&set_up);

    specimen_ready();

    for (int i = 0; i < COUNT; i++) {
        void *result = NULL;
        DEMAND(pthread_join(threads[i], &result) == 0 && result == &numbers[i]);
    }
    pthread_t another;
    DEMAND(pthread_create(&another, NULL, end_at_once, NULL) == 0);
    DEMAND(pthread_join(another, NULL) == 0);
    specimen_end();
}
