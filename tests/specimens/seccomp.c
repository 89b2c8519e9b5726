/* Seccomp filters, one upon another, with no_new_privs; a child has its parent's and one more. */
#include "specimen.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From now on the call fails with that error. */
static bool forbid(unsigned int call, unsigned int error, unsigned int flags)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

static bool fails_with(long result, int error)
{
    return result < 0 && errno == error;
}

static void child(void *nothing)
{
    (void)nothing;
    MUST(forbid(SYS_sethostname, EXDEV, 0));
    specimen_leave_mark("child is set up");
    specimen_wait_told();
    DEMAND(fails_with(syscall(SYS_sethostname, NULL, 0), EXDEV));
    DEMAND(fails_with(syscall(SYS_acct, "x"), ENOTTY));
}

int main(void)
{
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(forbid(SYS_acct, ENOTTY, SECCOMP_FILTER_FLAG_LOG) && forbid(SYS_swapon, ENOSPC, 0));
    pid_t pid = specimen_fork(child, NULL);
    specimen_wait_mark("child is set up");

    specimen_ready();

    DEMAND(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_SECCOMP) == 2);
    DEMAND(fails_with(syscall(SYS_acct, "x"), ENOTTY));
    DEMAND(fails_with(syscall(SYS_swapon, "x", 0), ENOSPC));
    DEMAND(!fails_with(syscall(SYS_sethostname, NULL, -1), EXDEV));
    specimen_join(pid);
    specimen_end();
}
