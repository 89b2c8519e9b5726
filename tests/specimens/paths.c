/* Working directory, root directory and umask, each process its own. */
#include "specimen.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void live_in_root(void *nothing)
{
    (void)nothing;
    char path[PATH_MAX];
    umask(0707);
    MUST(chroot(getenv("SPECIMEN_DIR")) == 0 && chdir("/inner") == 0);
    MUST(setenv("SPECIMEN_DIR", "/", 1) == 0);
    specimen_leave_mark("in root");

    specimen_wait_told();

    DEMAND(getcwd(path, sizeof(path)) && strcmp(path, "/inner") == 0);
    DEMAND(access("/inner", F_OK) == 0 && access("/etc", F_OK) < 0);
    DEMAND(umask(0) == 0707);
}

int main(void)
{
    char before[PATH_MAX], after[PATH_MAX];
    MUST(mkdir("inner", 0755) == 0 && chdir("inner") == 0);
    umask(027);
    pid_t child = specimen_fork(live_in_root, NULL);
    specimen_wait_mark("in root");
    MUST(getcwd(before, sizeof(before)));

    specimen_ready();

    DEMAND(getcwd(after, sizeof(after)) && strcmp(before, after) == 0);
    DEMAND(umask(0) == 027);
    specimen_join(child);
    specimen_end();
}
