#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/command.h"
#include "runtime/credentials.h"
#include "runtime/launch.h"
#include "runtime/rlimits.h"

int process_set_oom_score(const struct process_spec *process, struct error *e)
{
    char text[16];
    if (!process->sets_oom_score_adj)
        return 0;
    snprintf(text, sizeof(text), "%d", process->oom_score_adj);
    return write_string_at(AT_FDCWD, "/proc/self/oom_score_adj", text, e);
}

/* Without it a process of another user could not open /dev/stdout, that is its /proc/self/fd/1. */
static void hand_over_stream(int fd, uid_t uid)
{
    struct stat st;
    if (uid && fstat(fd, &st) == 0 && st.st_uid != uid && !S_ISREG(st.st_mode) &&
        !S_ISBLK(st.st_mode) && (!S_ISCHR(st.st_mode) || isatty(fd)))
        (void)fchown(fd, uid, (gid_t)-1);
}

static int set_streams(const struct runtime_stdio *stdio, uid_t uid, struct error *e)
{
    const int given[3] = {stdio->in, stdio->out, stdio->err};
    int moved[3];
    /* First out of the way: a given descriptor may be 0, 1 or 2 itself. */
    for (int i = 0; i < 3; i++) {
        moved[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3);
        if (moved[i] < 0)
            return fail_errno(e, "standard stream %d (descriptor %d)", i, given[i]);
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(moved[i], i) < 0)
            return fail_errno(e, "standard stream %d", i);
        hand_over_stream(i, uid);
    }
    return 0;
}

static int start_session(const struct process_spec *process, struct error *e)
{
    if (setsid() < 0)
        return fail_errno(e, "setsid");
    if (process->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
        return fail_errno(e, "controlling terminal");
    /* Keys of who started the container stay outside. A kernel may have no keys at all. */
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    return 0;
}

static int enter_working_directory(const struct process_spec *process, struct error *e)
{
    char path[PATH_MAX];
    if (chdir(process->cwd) < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        fail_errno(e, "chdir to cwd (\"%s\")", process->cwd);
        e->code = missing ? ENOENT : EACCES;
        return LAUNCH_COMMAND_FAILED;
    }
    /* "(unreachable)": /proc/self/fd/N would lead to a directory of the host that is open here. */
    if (syscall(SYS_getcwd, path, sizeof(path)) < 0 || path[0] != '/') {
        fail(e, EPERM, "chdir to cwd (\"%s\"): it is outside of the container", process->cwd);
        return LAUNCH_SETUP_FAILED;
    }
    return 0;
}

int process_execute(const struct process_spec *process, const struct runtime_stdio *stdio,
                    const struct seccomp_filter *filter, struct arena *arena, struct error *e)
{
    if (set_streams(stdio, process->uid, e) < 0 || start_session(process, e) < 0)
        return LAUNCH_SETUP_FAILED;
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
        fail_errno(e, "close_range");
        return LAUNCH_SETUP_FAILED;
    }
    if (rlimits_apply(process, e) < 0)
        return LAUNCH_SETUP_FAILED;
    int entered = enter_working_directory(process, e);
    if (entered < 0)
        return entered;
    umask(process->umask >= 0 ? (mode_t)process->umask : 0022);
    const struct command command = command_find(process, arena);
    if (credentials_take(process, filter, e) < 0)
        return LAUNCH_SETUP_FAILED;
    return command_execute(&command, e);
}
