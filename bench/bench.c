/* bench STASIS [core]: how long running, checkpointing and restoring take, against what no design
 * can beat on the same machine in the same run: fork(2) and execve(2) of /bin/true, one write(2) of
 * the same memory into a new file, one read(2) of it into fresh memory. Medians of interleaved
 * rounds, after one round that does not count. With `core`, without containers. */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { ROUNDS = 21, LARGE_ROUNDS = 7, MEBIBYTE = 1 << 20, LARGE = 256 };

static const char loop[] = "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done";

double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void make_name(char *name, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, size, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= size)
        errx(1, "name too long");
}

/* Starts a program with nothing but /dev/null as its streams, in a session of its own. */
static pid_t start(char *const words[])
{
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid)
        return pid;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    if (!getenv("BENCH_SHOW"))
        dup2(null, 2);
    if (null > 2)
        close(null);
    setsid();
    execv(words[0], words);
    _exit(127);
}

/* Seconds from fork(2) to the end of a program that must succeed. */
static double time_of(char *const words[])
{
    int status = -1;
    double begin = seconds();
    pid_t pid = start(words);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        errx(1, "%s %s failed (status %d); BENCH_SHOW=1 shows why", words[0],
             words[1] ? words[1] : "", status);
    return seconds() - begin;
}

#define TIME_OF(...) time_of((char *const[]){__VA_ARGS__, NULL})

static void remove_directory(const char *path)
{
    TIME_OF("/bin/rm", "-rf", (char *)path);
}

/* Ends every child that is left, adopted ones too. */
static void end_children(void)
{
    char path[64], text[65536];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (n <= 0)
            return;
        text[n] = 0;
        for (char *at = text; *at;) {
            pid_t pid = (pid_t)strtol(at, &at, 10);
            at += strspn(at, " ");
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
}

/* ---------------------------------------------------------------- trees */

/* The program of a measured tree: `children` processes that share `mebibytes` by fork. Each closes
 * the pipe `ready` when it is there. */
static int be_tree(int children, size_t mebibytes, int ready)
{
    uint64_t *memory = mmap(NULL, mebibytes * MEBIBYTE + 1, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < mebibytes * MEBIBYTE / 8; i++)
        memory[i] = (i + 1) * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < children; i++)
        if (fork() == 0)
            break;
    close(ready);
    for (;;)
        pause();
}

static pid_t start_tree(const struct bench *bench, int children, int mebibytes)
{
    char count[16], size[16];
    char last[16];
    int ready[2];
    snprintf(count, sizeof(count), "%d", children);
    snprintf(size, sizeof(size), "%d", mebibytes);
    if (pipe2(ready, O_CLOEXEC) < 0 || fcntl(ready[1], F_SETFD, 0) < 0)
        err(1, "pipe");
    snprintf(last, sizeof(last), "%d", ready[1]);
    pid_t pid = start((char *const[]){(char *)bench->self, "--tree", count, size, last, NULL});
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 0)
        err(1, "the tree does not start");
    close(ready[0]);
    return pid;
}

/* Image directories stay until the end, but for large ones: see spread_directories. */
static void measure_tree(struct bench *bench, struct series *dump, struct series *restore,
                         int children, int mebibytes)
{
    char images[PATH_MAX], pid_text[16];
    make_name(images, sizeof(images), "%s/images-%d", bench->directory, bench->directories++);
    if (mkdir(images, 0700) < 0)
        err(1, "%s", images);
    pid_t pid = start_tree(bench, children, mebibytes);
    snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
    note(dump, TIME_OF((char *)bench->criu, "dump", "-t", pid_text, "-D", images));
    end_children();
    note(restore, TIME_OF((char *)bench->criu, "restore", "-d", "-D", images));
    end_children();
    if (mebibytes)
        remove_directory(images);
}

/* ---------------------------------------------------------------- memory */

static void *fresh_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    return memory;
}

/* One write of the memory into a new file, one read of it into fresh memory. */
static void measure_file(struct bench *bench, const void *memory, size_t size)
{
    char path[PATH_MAX];
    make_name(path, sizeof(path), "%s/written", bench->directory);
    double begin = seconds();
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, memory, size) != (ssize_t)size)
        err(1, "%s", path);
    note(&bench->write, seconds() - begin);
    begin = seconds();
    void *again = fresh_memory(size);
    if (pread(fd, again, size, 0) != (ssize_t)size)
        err(1, "%s", path);
    note(&bench->read, seconds() - begin);
    munmap(again, size);
    close(fd);
    unlink(path);
}

static void measure_memory(struct bench *bench)
{
    size_t size = (size_t)LARGE * MEBIBYTE;
    uint64_t *memory = fresh_memory(size);
    /* Or each fork of ours would copy page tables that the commands have nothing to do with. */
    if (madvise(memory, size, MADV_DONTFORK) < 0)
        err(1, "madvise");
    for (size_t i = 0; i < size / 8; i++)
        memory[i] = (i + 1) * 0x9e3779b97f4a7c15u;
    for (int round = 0; round <= LARGE_ROUNDS; round++) {
        measure_file(bench, memory, size);
        measure_tree(bench, &bench->dump_large, &bench->restore_large, 0, LARGE);
    }
    munmap(memory, size);
}

/* ---------------------------------------------------------------- the loop container */

static void measure_container(struct bench *bench)
{
    char *stasis = (char *)bench->stasis, *root = bench->root, name[32];
    make_name(name, sizeof(name), "loop-%d", bench->directories++);
    note(&bench->run, TIME_OF(stasis, "--data-root", root, "run", "-d", "--name", name, "busybox",
                              "/bin/sh", "-c", (char *)loop));
    note(&bench->checkpoint, TIME_OF(stasis, "--data-root", root, "checkpoint", name));
    note(&bench->restore, TIME_OF(stasis, "--data-root", root, "restore", name));
    TIME_OF(stasis, "--data-root", root, "kill", name);
    TIME_OF(stasis, "--data-root", root, "wait", name);
    end_children();
}

static void measure_small(struct bench *bench, bool containers)
{
    for (int round = 0; round <= ROUNDS; round++) {
        note(&bench->unit, TIME_OF("/bin/true"));
        if (containers)
            measure_container(bench);
        measure_tree(bench, &bench->dump_one, &bench->restore_one, 0, 0);
        measure_tree(bench, &bench->dump_fifty, &bench->restore_fifty, 49, 0);
        note(&bench->unit, TIME_OF("/bin/true"));
    }
}

/* ext4 without a journal does not use the inode of a removed file again for a minute, and looks at
 * each one that it passes over: where files have just been removed, creating one takes a
 * millisecond. That is no part of what is measured: directories of their own block groups avoid it
 * (chattr(1), attribute T). */
static void spread_directories(const char *path)
{
    int flags = 0, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_TOPDIR_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

static void prepare(struct bench *bench, const char *stasis, bool containers)
{
    char here[PATH_MAX];
    if (readlink("/proc/self/exe", bench->self, sizeof(bench->self) - 1) < 0 ||
        !realpath(stasis, bench->stasis) || !getcwd(here, sizeof(here)))
        err(1, "%s", stasis);
    /* The name by which it answers as criu. */
    make_name(bench->criu, sizeof(bench->criu), "%s", bench->stasis);
    strcpy(strrchr(bench->criu, '/') + 1, "criu");
    make_name(bench->directory, sizeof(bench->directory), "/tmp/stasis-bench-XXXXXX");
    if (!mkdtemp(bench->directory))
        err(1, "%s", bench->directory);
    spread_directories(bench->directory);
    make_name(bench->root, sizeof(bench->root), "%s/data", bench->directory);
    if (containers)
        TIME_OF(bench->stasis, "--data-root", bench->root, "image", "busybox");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "--tree") == 0)
        return be_tree(atoi(arguments[2]), (size_t)atoi(arguments[3]), atoi(arguments[4]));
    bool containers = count == 2;
    if (!containers && (count != 3 || strcmp(arguments[2], "core") != 0))
        errx(2, "usage: bench STASIS [core]");
    struct bench *bench = calloc(1, sizeof(*bench));
    if (!bench)
        err(1, "memory");
    prepare(bench, arguments[1], containers);
    measure_small(bench, containers);
    measure_memory(bench);
    remove_directory(bench->directory);
    report(bench);
    free(bench);
    return 0;
}
