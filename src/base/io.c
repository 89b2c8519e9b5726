#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

ssize_t read_full(int fd, void *data, size_t size)
{
    char *at = data;
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, at + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

char *read_fd_whole(int fd, struct arena *arena, size_t *size, struct error *e)
{
    struct stat st;
    size_t room = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
    char *text = arena_alloc(arena, room + 1);
    size_t got = 0;
    for (;;) {
        ssize_t n = read_full(fd, text + got, room - got);
        if (n < 0) {
            fail_errno(e, "cannot read");
            return NULL;
        }
        got += (size_t)n;
        if (got < room)
            break;
        char *larger = arena_alloc(arena, room * 2 + 1);
        memcpy(larger, text, got);
        text = larger;
        room *= 2;
    }
    text[got] = 0;
    if (size)
        *size = got;
    return text;
}

char *read_file_at(int dir_fd, const char *path, struct arena *arena, size_t *size, struct error *e)
{
    AUTO_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_errno(e, "%s", path);
        return NULL;
    }
    char *text = read_fd_whole(fd, arena, size, e);
    if (!text)
        fail_in(e, "%s", path);
    return text;
}

int replace_file_at(int dir_fd, const char *path, const void *data, size_t size, mode_t mode,
                    struct error *e)
{
    char beside[4096];
    int length = snprintf(beside, sizeof(beside), "%s.%d.tmp", path, (int)gettid());
    if (length < 0 || (size_t)length >= sizeof(beside))
        return fail(e, ENAMETOOLONG, "%s: name too long", path);
    AUTO_CLOSE int fd =
        openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return fail_errno(e, "cannot write %s", path);
    if (write_all(fd, data, size) < 0 || renameat(dir_fd, beside, dir_fd, path) < 0) {
        fail_errno(e, "cannot write %s", path);
        unlinkat(dir_fd, beside, 0);
        return -1;
    }
    return 0;
}

int write_string_at(int dir_fd, const char *path, const char *text, struct error *e)
{
    AUTO_CLOSE int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    if (write(fd, text, strlen(text)) < 0)
        return fail_errno(e, "cannot write '%s' to %s", text, path);
    return 0;
}

DIR *open_list(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0)
        close(fd);
    return list;
}

int make_directories_at(int dir_fd, const char *path, mode_t mode, struct error *e)
{
    char part[4096];
    size_t length = strlen(path);
    if (length >= sizeof(part))
        return fail(e, ENAMETOOLONG, "%s: name too long", path);
    memcpy(part, path, length + 1);
    for (char *at = part + 1; at <= part + length; at++) {
        if (*at != '/' && *at != 0)
            continue;
        char kept = *at;
        *at = 0;
        if (mkdirat(dir_fd, part, mode) < 0 && errno != EEXIST)
            return fail_errno(e, "cannot make directory %s", part);
        *at = kept;
    }
    return 0;
}

static int remove_children(int fd, struct error *e)
{
    int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    AUTO_CLOSEDIR DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (!dir) {
        if (again >= 0)
            close(again);
        return fail_errno(e, "cannot list a directory");
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (remove_tree_at(fd, entry->d_name, e) < 0)
            return -1;
    }
    return 0;
}

int remove_tree_at(int dir_fd, const char *path, struct error *e)
{
    if (unlinkat(dir_fd, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return fail_errno(e, "cannot remove %s", path);
    {
        AUTO_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return fail_errno(e, "cannot remove %s", path);
        if (remove_children(fd, e) < 0)
            return fail_in(e, "%s", path);
    }
    if (unlinkat(dir_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_errno(e, "cannot remove %s", path);
    return 0;
}
