#include "specimen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool differs;
static pid_t child_of; /* 0 in the first process */

static void in_directory(char path[4096], const char *name)
{
    const char *directory = getenv("SPECIMEN_DIR");
    snprintf(path, 4096, "%s/%s", directory ? directory : ".", name);
}

static void append(const char *name, const char *text)
{
    char path[4096];
    in_directory(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(3);
    close(fd);
}

bool specimen_demand(bool holds, const char *what, int line)
{
    if (holds)
        return true;
    char text[1024];
    snprintf(text, sizeof(text), "line %d: %s (pid %d, errno: %s)\n", line, what, (int)getpid(),
             strerror(errno));
    append("differences", text);
    differs = true;
    return false;
}

void specimen_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

void specimen_leave_mark(const char *name)
{
    append(name, "");
}

/* Not access(2), which asks for the real user id. */
static bool is_there(const char *name)
{
    char path[4096];
    struct stat st;
    in_directory(path, name);
    return stat(path, &st) == 0;
}

void specimen_wait_mark(const char *name)
{
    while (!is_there(name))
        specimen_pause();
}

void specimen_say_ready(void)
{
    specimen_leave_mark("ready");
}

void specimen_wait_told(void)
{
    specimen_wait_mark("check");
}

bool specimen_told(void)
{
    return is_there("check");
}

void specimen_ready(void)
{
    specimen_say_ready();
    specimen_wait_told();
}

pid_t specimen_fork(void (*body)(void *), void *argument)
{
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid)
        return pid;
    child_of = getppid();
    body(argument);
    specimen_end();
}

void specimen_join(pid_t child)
{
    int status = -1;
    DEMAND(waitpid(child, &status, 0) == child);
    DEMAND(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void specimen_end(void)
{
    if (!child_of)
        append("verdict", differs ? "differs\n" : "holds\n");
    _exit(differs);
}

/* Texts are kept in memory of the program itself: reading /proc/self/maps must not change it. */
static char pool[1 << 20];
static size_t pool_used;

char *specimen_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = pool + pool_used;
    size_t size = 0, room = sizeof(pool) - pool_used - 1;
    for (ssize_t n; size < room && (n = read(fd, text + size, room - size)) > 0;)
        size += (size_t)n;
    close(fd);
    text[size] = 0;
    pool_used += size + 1;
    return text;
}

/* The first line in which two texts differ, each way. */
static void note_difference(const char *path, const char *before, const char *after)
{
    while (*before && *after && strcspn(before, "\n") == strcspn(after, "\n") &&
           !memcmp(before, after, strcspn(before, "\n"))) {
        before += strcspn(before, "\n") + (before[strcspn(before, "\n")] == '\n');
        after += strcspn(after, "\n") + (after[strcspn(after, "\n")] == '\n');
    }
    char text[1024];
    snprintf(text, sizeof(text), "%s was '%.*s', is '%.*s'", path, (int)strcspn(before, "\n"),
             before, (int)strcspn(after, "\n"), after);
    errno = 0;
    specimen_demand(false, text, 0);
}

void specimen_demand_same(const char *path, char *before)
{
    char *after = specimen_read(path);
    DEMAND(before && after);
    if (before && after && strcmp(before, after) != 0)
        note_difference(path, before, after);
}
