/* Docker's default seccomp profile as data: which calls, under which condition. */
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/capabilities.h"
#include "runtime/defaults.h"

/* Names are separated by blanks; a list belongs to everybody or to who has the capability. */
enum { everybody = -1 };

static const struct {
    int capability;
    const char *names;
} allowed[] = {
    /* files by name */
    {everybody, "access faccessat faccessat2 chdir fchdir chmod fchmod fchmodat fchmodat2 chown "
                "chown32 fchown fchown32 fchownat lchown lchown32 creat open openat openat2 link "
                "linkat symlink symlinkat readlink readlinkat rename renameat renameat2 unlink "
                "unlinkat mkdir mkdirat mknod mknodat rmdir getcwd umask truncate truncate64 utime "
                "utimes futimesat utimensat utimensat_time64 name_to_handle_at"},
    {everybody, "stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs "
                "statfs64 fstatfs fstatfs64 statmount listmount"},
    {everybody, "getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat "
                "listxattr llistxattr flistxattr listxattrat removexattr lremovexattr "
                "fremovexattr removexattrat"},
    /* descriptors */
    {everybody, "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek "
                "_llseek close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl ftruncate "
                "ftruncate64 fallocate fadvise64 fadvise64_64 fsync fdatasync sync syncfs "
                "sync_file_range readahead getdents getdents64 copy_file_range sendfile "
                "sendfile64 splice tee vmsplice pipe pipe2"},
    {everybody, "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create "
                "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait "
                "epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime "
                "timerfd_gettime64 timerfd_settime timerfd_settime64 inotify_init inotify_init1 "
                "inotify_add_watch inotify_rm_watch fanotify_mark"},
    {everybody, "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents "
                "io_pgetevents_time64 ioprio_get ioprio_set"},
    /* sockets; socket(2) itself stands below */
    {everybody, "accept accept4 bind connect listen shutdown socketpair socketcall getpeername "
                "getsockname getsockopt setsockopt recv recvfrom recvmsg recvmmsg recvmmsg_time64 "
                "send sendto sendmsg sendmmsg"},
    /* memory */
    {everybody, "brk mmap mmap2 munmap mprotect mremap madvise mincore msync mlock mlock2 "
                "mlockall munlock munlockall remap_file_pages membarrier memfd_create "
                "memfd_secret mseal map_shadow_stack pkey_alloc pkey_free pkey_mprotect "
                "process_mrelease cachestat"},
    /* processes, their ids and resources */
    {everybody, "execve execveat exit exit_group fork vfork wait4 waitid waitpid pidfd_open "
                "pidfd_send_signal prctl rseq set_robust_list get_robust_list set_tid_address "
                "set_thread_area get_thread_area seccomp restart_syscall uretprobe "
                "riscv_hwprobe landlock_create_ruleset landlock_add_rule landlock_restrict_self"},
    {everybody, "getpid getppid gettid getpgid getpgrp setpgid getsid setsid getuid getuid32 "
                "geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "
                "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 "
                "setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid "
                "setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget "
                "capset"},
    {everybody, "getrlimit ugetrlimit setrlimit prlimit64 getrusage getpriority setpriority times "
                "sysinfo uname getcpu getrandom sched_getaffinity sched_setaffinity sched_getattr "
                "sched_setattr sched_getparam sched_setparam sched_getscheduler "
                "sched_setscheduler sched_get_priority_max sched_get_priority_min "
                "sched_rr_get_interval sched_rr_get_interval_time64 sched_yield"},
    {everybody, "futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue"},
    {everybody, "ptrace process_vm_readv process_vm_writev"},
    /* signals and time */
    {everybody, "kill tkill tgkill pause rt_sigaction rt_sigpending rt_sigprocmask "
                "rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
                "rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn"},
    {everybody, "alarm getitimer setitimer nanosleep time gettimeofday adjtimex clock_adjtime "
                "clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
                "clock_nanosleep clock_nanosleep_time64 timer_create timer_delete "
                "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64"},
    /* System V and POSIX IPC */
    {everybody, "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 "
                "shmat shmctl shmdt shmget mq_open mq_unlink mq_notify mq_getsetattr "
                "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64"},
#if defined(__x86_64__)
    {everybody, "arch_prctl modify_ldt"},
#elif defined(__aarch64__)
    {everybody, "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush "
                "set_tls"},
#endif
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_SYS_ADMIN, "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
                    "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr "
                    "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
                    "sethostname setns syslog umount umount2 unshare"},
    {CAP_SYS_BOOT, "reboot"},
    {CAP_SYS_CHROOT, "chroot"},
    {CAP_SYS_MODULE, "delete_module init_module finit_module"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "iopl ioperm"},
    {CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
    {CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {CAP_SYSLOG, "syslog"},
    {CAP_BPF, "bpf"},
    {CAP_PERFMON, "perf_event_open"},
};

static bool holds(const json_t *capabilities, int capability)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (capabilities, i, item) {
        const char *name = json_string_value(item);
        if (name && capability_number(name) == capability)
            return true;
    }
    return capability == everybody;
}

static void add_names(json_t *names, const char *list)
{
    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        json_array_append_new(names, json_stringn(at, length));
        at += length;
    }
}

/* A call that is allowed if its first argument compares as said. */
static void allow_if(json_t *calls, const char *name, const char *comparison, json_int_t value,
                     json_int_t second)
{
    json_array_append_new(calls, json_pack("{s:[s], s:s, s:[{s:i, s:I, s:I, s:s}]}", "names", name,
                                           "action", "SCMP_ACT_ALLOW", "args", "index", 0, "value",
                                           value, "valueTwo", second, "op", comparison));
}

/* Who may not administrate may not make namespaces. clone3(2) hides its flags in memory, where no
 * filter sees them: ENOSYS sends C libraries back to clone(2). */
static void add_clone_conditions(json_t *calls)
{
    /* CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET */
    allow_if(calls, "clone", "SCMP_CMP_MASKED_EQ", 0x7e020000, 0);
    json_array_append_new(calls, json_pack("{s:[s], s:s, s:i}", "names", "clone3", "action",
                                           "SCMP_ACT_ERRNO", "errnoRet", 38));
}

static json_t *architectures(void)
{
#if defined(__x86_64__)
    return json_pack("[s,s,s]", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
#elif defined(__aarch64__)
    return json_pack("[s,s]", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
#else
    return json_array();
#endif
}

json_t *runtime_default_seccomp(const json_t *capabilities)
{
    static const json_int_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
    json_t *names = json_array(), *calls = json_array();
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
        if (holds(capabilities, allowed[i].capability))
            add_names(names, allowed[i].names);
    json_array_append_new(calls,
                          json_pack("{s:o, s:s}", "names", names, "action", "SCMP_ACT_ALLOW"));
    for (size_t i = 0; i < sizeof(personalities) / sizeof(*personalities); i++)
        allow_if(calls, "personality", "SCMP_CMP_EQ", personalities[i], 0);
    allow_if(calls, "socket", "SCMP_CMP_NE", AF_VSOCK, 0);
    if (!holds(capabilities, CAP_SYS_ADMIN))
        add_clone_conditions(calls);
    return json_pack("{s:s, s:i, s:o, s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet",
                     1, "architectures", architectures(), "syscalls", calls);
}
