/* The robust list: a process that dies after all this with a lock held passes it on. */
#include "specimen.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t *mutex;

static void hold(void *nothing)
{
    (void)nothing;
    MUST(pthread_mutex_lock(mutex) == 0);
    specimen_leave_mark("held");
    specimen_wait_told();
    /* Ends without unlocking. */
}

int main(void)
{
    pthread_mutexattr_t attributes;
    mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(mutex != MAP_FAILED);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    MUST(pthread_mutex_init(mutex, &attributes) == 0);
    pid_t child = specimen_fork(hold, NULL);
    specimen_wait_mark("held");

    specimen_ready();

    DEMAND(pthread_mutex_lock(mutex) == EOWNERDEAD);
    DEMAND(pthread_mutex_consistent(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
    specimen_join(child);
    specimen_end();
}
