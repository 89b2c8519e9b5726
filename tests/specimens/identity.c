/* What /proc shows of a process: names, arguments, environment, auxiliary vector, mappings, limits,
 * credentials, masks. The text of each file is the same afterwards. */
#include "specimen.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static const char *const files[] = {
    "/proc/self/cmdline",     "/proc/self/environ",       "/proc/self/auxv",
    "/proc/self/comm",        "/proc/self/maps",          "/proc/self/limits",
    "/proc/self/cgroup",      "/proc/self/oom_score_adj", "/proc/self/loginuid",
    "/proc/self/personality",
};

#define FILE_COUNT (sizeof(files) / sizeof(*files))

/* The lines of /proc/self/status that are state, not measure. */
static const char *const status_lines[] = {
    "Name:",   "Umask:",  "Uid:",    "Gid:",    "Groups:",     "NStgid:",  "NSsid:",
    "NSpgid:", "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:",     "SigCgt:",  "CapInh:",
    "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:", "Threads:",
};

/* Leaves only those lines in the text. */
static char *state_of(char *status)
{
    char *to = status, *next;
    for (char *line = status; *line; line = next) {
        size_t length = strcspn(line, "\n") + 1;
        next = line + length;
        for (size_t i = 0; i < sizeof(status_lines) / sizeof(*status_lines); i++) {
            if (strncmp(line, status_lines[i], strlen(status_lines[i])) == 0) {
                memmove(to, line, length);
                to += length;
                break;
            }
        }
    }
    *to = 0;
    return status;
}

int main(void)
{
    char *before[FILE_COUNT];
    struct stat exe_before, exe_after;
    MUST(prctl(PR_SET_NAME, "a name: (x)") == 0);
    MUST(stat("/proc/self/exe", &exe_before) == 0);
    for (size_t i = 0; i < FILE_COUNT; i++)
        before[i] = specimen_read(files[i]);
    char *status = state_of(specimen_read("/proc/self/status"));

    specimen_ready();

    for (size_t i = 0; i < FILE_COUNT; i++)
        if (before[i]) /* not every kernel has every file */
            specimen_demand_same(files[i], before[i]);
    DEMAND(stat("/proc/self/exe", &exe_after) == 0 && exe_after.st_ino == exe_before.st_ino);
    char *status_after = state_of(specimen_read("/proc/self/status"));
    DEMAND(strcmp(status, status_after) == 0);
    specimen_end();
}
