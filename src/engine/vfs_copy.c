#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/vfs.h"

bool is_opaque_directory(int dir)
{
    char value = 0;
    return fgetxattr(dir, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int copy_attributes(int from, int to, struct error *e)
{
    char names[4096], value[4096];
    ssize_t length = flistxattr(from, names, sizeof(names));
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(from, name, value, sizeof(value));
        if (starts_with(name, "trusted.") || size < 0)
            continue;
        if (fsetxattr(to, name, value, (size_t)size, 0) < 0 && errno != EOPNOTSUPP)
            return fail_errno(e, "attribute %s", name);
    }
    return 0;
}

static int copy_owner_and_times(int from, int to, const struct stat *st, struct error *e)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
        return fail_errno(e, "owner and mode");
    if (copy_attributes(from, to, e) < 0)
        return -1;
    return futimens(to, times) < 0 ? fail_errno(e, "times") : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct error *e)
{
    AUTO_CLOSE int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int to =
        openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (from < 0 || to < 0)
        return fail_errno(e, "%s", name);
    for (off_t left = st->st_size; left > 0;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
        if (n <= 0)
            return n < 0 ? fail_errno(e, "copy %s", name) : fail(e, EIO, "%s is shorter", name);
        left -= n;
    }
    return copy_owner_and_times(from, to, st, e);
}

static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st,
                        struct error *e)
{
    char target[PATH_MAX];
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (S_ISLNK(st->st_mode)) {
        ssize_t length = readlinkat(from_dir, name, target, sizeof(target) - 1);
        if (length < 0)
            return fail_errno(e, "%s", name);
        target[length] = 0;
        if (symlinkat(target, to_dir, name) < 0)
            return fail_errno(e, "%s", name);
    } else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0 ||
               fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0) {
        return fail_errno(e, "%s", name);
    }
    if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", name);
    return 0;
}

static int remove_content(int dir, struct error *e)
{
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            remove_tree_at(dir, entry->d_name, e) < 0)
            return -1;
    }
    return list ? 0 : fail_errno(e, "directory");
}

static int copy_directory(int from_dir, int to_dir, const char *name, const struct stat *st,
                          struct error *e)
{
    if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
        return fail_errno(e, "%s", name);
    AUTO_CLOSE int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || to < 0)
        return fail_errno(e, "%s", name);
    if ((is_opaque_directory(from) && remove_content(to, e) < 0) || vfs_copy_layer(from, to, e) < 0)
        return fail_in(e, "%s", name);
    return copy_owner_and_times(from, to, st, e);
}

static int copy_entry(int from, int to, const char *name, struct error *e)
{
    struct stat st, there;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", name);
    bool exists = fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !(S_ISDIR(st.st_mode) && S_ISDIR(there.st_mode)) &&
        remove_tree_at(to, name, e) < 0)
        return -1;
    if (is_whiteout(&st))
        return 0;
    if (S_ISDIR(st.st_mode))
        return copy_directory(from, to, name, &st, e);
    return S_ISREG(st.st_mode) ? copy_file(from, to, name, &st, e)
                               : copy_special(from, to, name, &st, e);
}

int vfs_copy_layer(int from, int to, struct error *e)
{
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list)
        return fail_errno(e, "layer");
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            copy_entry(from, to, entry->d_name, e) < 0)
            return -1;
    }
    return 0;
}
