/* forbid NUMBER[,NUMBER...] PROGRAM [ARGUMENT...]: runs a program on a kernel that seems to lack
 * those system calls. */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forbid(unsigned int call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        err(2, "seccomp");
}

int main(int count, char **arguments)
{
    if (count < 3)
        errx(2, "usage: forbid NUMBER[,NUMBER...] PROGRAM [ARGUMENT...]");
    for (char *at = arguments[1]; *at; at += *at == ',')
        forbid((unsigned int)strtoul(at, &at, 10));
    execv(arguments[2], arguments + 2);
    err(127, "%s", arguments[2]);
}
