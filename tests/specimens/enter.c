/* enter ROOT PROGRAM: runs a program in fresh namespaces, below an init of its own, with ROOT (a
 * mount point) as its root. Writes the init's pid, as it is outside, into $SPECIMEN_DIR/init and
 * ends; the init lives as long as the program. */
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(bool holds, const char *what)
{
    if (!holds)
        err(1, "%s", what);
}

static void make_device(const char *path, unsigned int minor_number)
{
    need(mknod(path, S_IFCHR | 0666, makedev(1, minor_number)) == 0, path);
}

static void change_root(const char *root)
{
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    need(chdir(root) == 0, root);
    need(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0, "pivot_root");
    need(chdir("/") == 0, "chdir");
    need(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "/proc");
    need(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k") == 0, "/dev");
    make_device("/dev/null", 3);
    make_device("/dev/zero", 5);
    make_device("/dev/full", 7);
    make_device("/dev/urandom", 9);
}

static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
    close(fd);
}

/* What is open comes from outside; inside, it is opened again. */
static void open_standard_streams(void)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/output", getenv("SPECIMEN_DIR"));
    int null = open("/dev/null", O_RDWR);
    int output = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    need(null >= 0 && output >= 0, path);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    for (int fd = 3; fd < 16; fd++)
        close(fd);
}

static int be_init(char **program)
{
    open_standard_streams();
    pid_t child = fork();
    if (child == 0) {
        execv(program[0], program);
        _exit(127);
    }
    int status = 0;
    for (pid_t pid; (pid = wait(&status)) != child;)
        need(pid > 0, "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_pid(pid_t pid)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/init", getenv("SPECIMEN_DIR"));
    FILE *file = fopen(path, "w");
    need(file && fprintf(file, "%d\n", (int)pid) > 0 && fclose(file) == 0, path);
}

int main(int count, char **arguments)
{
    if (count > 2 && strcmp(arguments[1], "--init") == 0)
        return be_init(arguments + 2);
    if (count < 3)
        errx(2, "usage: enter ROOT PROGRAM [ARGUMENT...]");
    int spaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    char self[4096] = "";
    need(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "/proc/self/exe");
    need(unshare(spaces) == 0, "unshare");
    pid_t init = fork();
    need(init >= 0, "fork");
    if (init) {
        say_pid(init);
        return 0;
    }
    need(setsid() > 0, "setsid");
    change_root(arguments[1]);
    raise_loopback();
    need(sethostname("specimen", 8) == 0 && setdomainname("example", 7) == 0, "sethostname");
    char here[4096];
    snprintf(here, sizeof(here), "%s", getenv("SPECIMEN_DIR"));
    need(chdir(here) == 0, here);
    arguments[0] = self;
    arguments[1] = "--init";
    execv(self, arguments);
    err(127, "%s", self);
}
