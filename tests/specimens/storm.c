/* A process whose children are born and end as fast as they can: something always exits while the
 * tree is frozen. */
#include "specimen.h"

#include <sys/wait.h>
#include <unistd.h>

static bool one_child(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(fork() == 0 ? 0 : 3);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3;
}

int main(void)
{
    specimen_say_ready();
    bool right = true;
    while (!specimen_told())
        for (int i = 0; i < 10; i++)
            right &= one_child();
    DEMAND(right);
    specimen_end();
}
