/* Holds one object of the kind that its argument names, as descriptor 50 where it is one: for kinds
 * that are either brought back or refused when dumped, never lost. */
#include "specimen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD = 50, CANNOT_MAKE = 77 };

static int in_place(int fd)
{
    if (fd < 0)
        return -1;
    int moved = dup2(fd, FD);
    if (fd != FD)
        close(fd);
    return moved;
}

static int open_eventfd(void)
{
    return in_place(eventfd(41, EFD_SEMAPHORE | EFD_NONBLOCK));
}

static void check_eventfd(void)
{
    uint64_t value = 0;
    for (int i = 0; i < 41; i++)
        DEMAND(read(FD, &value, 8) == 8 && value == 1);
    DEMAND(read(FD, &value, 8) < 0 && errno == EAGAIN);
}

static int open_timerfd(void)
{
    int fd = in_place(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec spec = {.it_value.tv_sec = 900, .it_interval.tv_sec = 7};
    return fd < 0 || timerfd_settime(fd, 0, &spec, NULL) < 0 ? -1 : fd;
}

static void check_timerfd(void)
{
    struct itimerspec spec = {0};
    DEMAND(timerfd_gettime(FD, &spec) == 0 && spec.it_value.tv_sec > 800);
    DEMAND(spec.it_value.tv_sec <= 900 && spec.it_interval.tv_sec == 7);
}

static int open_signalfd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return in_place(signalfd(-1, &set, SFD_NONBLOCK));
}

static void check_signalfd(void)
{
    struct signalfd_siginfo info;
    raise(SIGUSR1);
    DEMAND(read(FD, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1);
}

static int open_epoll(void)
{
    int fd = in_place(epoll_create1(0)), pipes[2];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789a};
    if (fd < 0 || pipe(pipes) < 0 || dup2(pipes[1], FD + 1) < 0)
        return -1;
    return epoll_ctl(fd, EPOLL_CTL_ADD, pipes[0], &event) < 0 ? -1 : fd;
}

static void check_epoll(void)
{
    struct epoll_event event = {0};
    DEMAND(epoll_wait(FD, &event, 1, 0) == 0 && write(FD + 1, "x", 1) == 1);
    DEMAND(epoll_wait(FD, &event, 1, 1000) == 1 && event.data.u64 == 0x123456789a);
}

static int open_inotify(void)
{
    int fd = in_place(inotify_init1(IN_NONBLOCK));
    return fd < 0 || inotify_add_watch(fd, ".", IN_CREATE) < 0 ? -1 : fd;
}

static void check_inotify(void)
{
    char events[4096];
    DEMAND(mkdir("watched", 0700) == 0 && read(FD, events, sizeof(events)) > 0);
}

static int open_memfd(void)
{
    int fd = in_place(memfd_create("some", MFD_ALLOW_SEALING));
    return fd < 0 || write(fd, "content", 7) != 7 ? -1 : fd;
}

static void check_content(void)
{
    char text[8] = "";
    DEMAND(pread(FD, text, 7, 0) == 7 && memcmp(text, "content", 7) == 0);
    DEMAND(lseek(FD, 0, SEEK_CUR) == 7);
}

static int open_unlinked(void)
{
    int fd = in_place(open("gone", O_RDWR | O_CREAT | O_EXCL, 0600));
    return fd < 0 || write(fd, "content", 7) != 7 || unlink("gone") < 0 ? -1 : fd;
}

static void check_unlinked(void)
{
    struct stat st;
    check_content();
    DEMAND(fstat(FD, &st) == 0 && st.st_nlink == 0 && access("gone", F_OK) < 0);
}

static int open_socketpair(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[1], FD + 1) < 0)
        return -1;
    return write(pair[1], "content", 7) == 7 ? in_place(pair[0]) : -1;
}

static void check_socketpair(void)
{
    char text[16] = "";
    DEMAND(recv(FD, text, 16, MSG_DONTWAIT) == 7 && memcmp(text, "content", 7) == 0);
    DEMAND(send(FD, "back", 4, 0) == 4 && recv(FD + 1, text, 16, MSG_DONTWAIT) == 4);
}

static int open_unix_listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = in_place(socket(AF_UNIX, SOCK_STREAM, 0));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return listen(fd, 5) < 0 ? -1 : fd;
}

static void check_unix_listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    DEMAND(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    DEMAND(accept(FD, NULL, NULL) >= 0);
}

static int open_tcp_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = in_place(socket(AF_INET, SOCK_STREAM, 0));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return listen(fd, 5) < 0 ? -1 : fd;
}

static void check_tcp_listener(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    DEMAND(getsockname(FD, (struct sockaddr *)&address, &size) == 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    DEMAND(connect(fd, (struct sockaddr *)&address, size) == 0 && accept(FD, NULL, NULL) >= 0);
}

static int open_udp(void)
{
    return in_place(socket(AF_INET, SOCK_DGRAM, 0));
}

static void check_socket(void)
{
    int type = 0;
    socklen_t size = sizeof(type);
    DEMAND(getsockopt(FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
}

static int open_netlink(void)
{
    return in_place(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int open_fifo(void)
{
    if (mkfifo("fifo", 0600) < 0)
        return -1;
    int fd = in_place(open("fifo", O_RDWR | O_NONBLOCK));
    return fd < 0 || write(fd, "content", 7) != 7 ? -1 : fd;
}

static void check_fifo(void)
{
    char text[16] = "";
    DEMAND(read(FD, text, 16) == 7 && memcmp(text, "content", 7) == 0);
}

static int open_pidfd(void)
{
    return in_place((int)syscall(SYS_pidfd_open, getpid(), 0));
}

static void check_pidfd(void)
{
    DEMAND(syscall(SYS_pidfd_send_signal, FD, 0, NULL, 0) == 0);
}

static int open_io_uring(void)
{
    struct io_uring_params params = {0};
    return in_place((int)syscall(SYS_io_uring_setup, 4, &params));
}

static void check_is_open(void)
{
    DEMAND(fcntl(FD, F_GETFD) >= 0);
}

static int open_userfaultfd(void)
{
    return in_place((int)syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int open_posix_lock(void)
{
    int fd = in_place(open("locked", O_RDWR | O_CREAT, 0600));
    struct flock lock = {.l_type = F_WRLCK, .l_start = 3, .l_len = 4};
    return fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 ? -1 : fd;
}

static void check_posix_lock(void)
{
    struct flock lock = {.l_type = F_WRLCK};
    pid_t child = fork();
    if (child == 0)
        _exit(fcntl(FD, F_GETLK, &lock) < 0 || lock.l_type != F_WRLCK || lock.l_start != 3);
    specimen_join(child);
}

static int open_flock(void)
{
    int fd = in_place(open("locked", O_RDWR | O_CREAT, 0600));
    return fd < 0 || flock(fd, LOCK_EX) < 0 ? -1 : fd;
}

static void check_flock(void)
{
    int fd = open("locked", O_RDWR);
    DEMAND(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
}

static int open_pty(void)
{
    int master, slave;
    return openpty(&master, &slave, NULL, NULL, NULL) < 0 ? -1 : in_place(slave);
}

static void check_pty(void)
{
    DEMAND(isatty(FD));
}

static char *segment;

static int open_shm(void)
{
    int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    segment = id < 0 ? NULL : shmat(id, NULL, 0);
    if (!segment || segment == (void *)-1 || shmctl(id, IPC_RMID, NULL) < 0)
        return -1;
    strcpy(segment, "content");
    return 0;
}

static void check_shm(void)
{
    DEMAND(strcmp(segment, "content") == 0);
}

static int open_mqueue(void)
{
    mqd_t queue = mq_open("/stasis-specimen", O_RDWR | O_CREAT, 0600, NULL);
    mq_unlink("/stasis-specimen");
    return in_place((int)queue);
}

static int open_namespace(void)
{
    return in_place(open("/proc/self/ns/uts", O_RDONLY));
}

static int open_proc_file(void)
{
    return in_place(open("/proc/self/status", O_RDONLY));
}

static void check_readable(void)
{
    char byte;
    DEMAND(read(FD, &byte, 1) == 1);
}

static int stop_child(void)
{
    pid_t child = fork();
    siginfo_t info;
    if (child == 0) {
        raise(SIGSTOP);
        _exit(5);
    }
    return waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT) < 0 ? -1 : (int)child;
}

static void check_stopped_child(void)
{
    int status = 0;
    pid_t child = waitpid(-1, &status, WUNTRACED);
    DEMAND(child > 0 && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    DEMAND(kill(child, SIGCONT) == 0);
    DEMAND(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static int open_path_only(void)
{
    return in_place(open("/etc", O_PATH | O_DIRECTORY));
}

static void check_path_only(void)
{
    struct stat st;
    DEMAND((fcntl(FD, F_GETFL) & O_PATH) && fstat(FD, &st) == 0 && S_ISDIR(st.st_mode));
}

static const struct {
    const char *name;
    int (*make)(void);
    void (*check)(void);
} kinds[] = {
    {"eventfd", open_eventfd, check_eventfd},
    {"timerfd", open_timerfd, check_timerfd},
    {"signalfd", open_signalfd, check_signalfd},
    {"epoll", open_epoll, check_epoll},
    {"inotify", open_inotify, check_inotify},
    {"memfd", open_memfd, check_content},
    {"unlinked", open_unlinked, check_unlinked},
    {"socketpair", open_socketpair, check_socketpair},
    {"unix-listener", open_unix_listener, check_unix_listener},
    {"tcp-listener", open_tcp_listener, check_tcp_listener},
    {"udp", open_udp, check_socket},
    {"netlink", open_netlink, check_socket},
    {"fifo", open_fifo, check_fifo},
    {"pidfd", open_pidfd, check_pidfd},
    {"io_uring", open_io_uring, check_is_open},
    {"userfaultfd", open_userfaultfd, check_is_open},
    {"posix-lock", open_posix_lock, check_posix_lock},
    {"flock", open_flock, check_flock},
    {"pty", open_pty, check_pty},
    {"sysv-shm", open_shm, check_shm},
    {"mqueue", open_mqueue, check_is_open},
    {"namespace", open_namespace, check_is_open},
    {"proc-file", open_proc_file, check_readable},
    {"stopped", stop_child, check_stopped_child},
    {"path-only", open_path_only, check_path_only},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (count != 2 || strcmp(arguments[1], kinds[i].name) != 0)
            continue;
        if (kinds[i].make() < 0)
            return CANNOT_MAKE;
        specimen_ready();
        kinds[i].check();
        specimen_end();
    }
    return 2;
}
