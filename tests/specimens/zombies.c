/* Children that have ended and not been waited for keep their status. */
#include "specimen.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t dead_child(int exit_code, int signal)
{
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        if (signal)
            kill(getpid(), signal);
        _exit(exit_code);
    }
    siginfo_t info;
    MUST(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    return pid;
}

int main(void)
{
    pid_t exited = dead_child(37, 0), killed = dead_child(0, SIGKILL), ended = dead_child(0, 0);
    specimen_ready();
    int status;
    DEMAND(waitpid(exited, &status, 0) == exited);
    DEMAND(WIFEXITED(status) && WEXITSTATUS(status) == 37);
    DEMAND(waitpid(killed, &status, 0) == killed);
    DEMAND(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    DEMAND(waitpid(ended, &status, 0) == ended && status == 0);
    DEMAND(waitpid(-1, &status, 0) < 0);
    specimen_end();
}
