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

/* Removes a file or an empty directory: 0, or what is in the way as an errno value. */
static int remove_entry(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return errno;
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

/* Moves a directory up to `top`, under a name that is free there. */
static int move_up(int dir, const char *name, int top, unsigned *serial, struct error *e)
{
    char free_name[32];
    for (;;) {
        snprintf(free_name, sizeof(free_name), "removed-%u", (*serial)++);
        if (renameat2(dir, name, top, free_name, RENAME_NOREPLACE) == 0 || errno == ENOENT)
            return 0;
        if (errno != EEXIST)
            return fail_errno(e, "cannot remove %s", name);
    }
}

/* Removes the files in directory `name` of `top`; the directories in it become top's. */
static int flatten(int top, const char *name, unsigned *serial, struct error *e)
{
    AUTO_CLOSE int dir = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = dir < 0 ? NULL : open_list(dir);
    if (!list)
        return errno == ENOENT ? 0 : fail_errno(e, "cannot remove %s", name);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        int problem = remove_entry(dir, entry->d_name);
        if (problem && problem != ENOTEMPTY)
            return fail(e, problem, "cannot remove %s: %s", entry->d_name, strerror(problem));
        if (problem && move_up(dir, entry->d_name, top, serial, e) < 0)
            return -1;
    }
    return 0;
}

/* One pass over `top`: 1 if it is to be looked through again, 0 if it is empty. */
static int remove_children(int top, unsigned *serial, struct error *e)
{
    int again = 0;
    AUTO_CLOSEDIR DIR *list = open_list(top);
    if (!list)
        return fail_errno(e, "cannot list a directory");
    for (struct dirent *entry; (entry = readdir(list));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        int problem = remove_entry(top, entry->d_name);
        if (problem && problem != ENOTEMPTY)
            return fail(e, problem, "cannot remove %s: %s", entry->d_name, strerror(problem));
        if (problem && flatten(top, entry->d_name, serial, e) < 0)
            return -1;
        again |= problem != 0;
    }
    return again;
}

/* Trees may be deeper than descriptors, the stack and path names reach: every directory is brought
 * up to the top before it is emptied. */
int remove_tree_at(int dir_fd, const char *path, struct error *e)
{
    unsigned serial = 0;
    int again = 1, problem = remove_entry(dir_fd, path);
    if (problem != ENOTEMPTY)
        return problem ? fail(e, problem, "cannot remove %s: %s", path, strerror(problem)) : 0;
    AUTO_CLOSE int top = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return fail_errno(e, "cannot remove %s", path);
    while (again > 0)
        again = remove_children(top, &serial, e);
    if (again < 0)
        return fail_in(e, "%s", path);
    problem = remove_entry(dir_fd, path);
    return problem ? fail(e, problem, "cannot remove %s: %s", path, strerror(problem)) : 0;
}
