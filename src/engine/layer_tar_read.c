#include "engine/layer_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/utf8.h"

/* Times of directories are set last: making what is in them changes them. */
struct directory_time {
    const char *path;
    struct timespec time;
};

struct extraction {
    struct archive *archive;
    struct archive_entry *entry;
    int root;
    enum whiteouts whiteouts;
    struct arena *arena;
    VEC(struct directory_time) directories;
    char parent_path[PATH_MAX]; /* directory of the last entry, open as `parent` */
    int parent;
    long long size;
};

/* Opens `path` as a process whose root is `root` would. */
static int open_in_root(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

/* Drops leading slashes and all `.` components; `..` is refused. */
static int clean_path(const char *path, char clean[PATH_MAX], struct error *e)
{
    size_t used = 0;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.')
            return fail(e, EINVAL, "archive entry '%.200s' points outside", path);
        if (length && !(length == 1 && at[0] == '.')) {
            if (used + length + 2 > PATH_MAX || length > NAME_MAX)
                return fail(e, ENAMETOOLONG, "archive entry '%.200s...'", path);
            if (used)
                clean[used++] = '/';
            memcpy(clean + used, at, length);
            used += length;
        }
        at += length + (at[length] == '/');
    }
    clean[used] = 0;
    return 0;
}

/* Opens the directory `path`, making what is missing on the way as mkdir -p would. */
static int open_or_make_directory(int root, const char *path, struct error *e)
{
    char prefix[PATH_MAX];
    int fd = open_in_root(root, path, O_RDONLY | O_DIRECTORY);
    if (fd >= 0 || errno != ENOENT)
        return fd < 0 ? fail_errno(e, "%s", path) : fd;
    AUTO_CLOSE int at = open_in_root(root, "", O_RDONLY | O_DIRECTORY);
    for (size_t begin = 0, end; path[begin]; begin = end + (path[end] == '/')) {
        end = begin + strcspn(path + begin, "/");
        snprintf(prefix, sizeof(prefix), "%.*s", (int)end, path);
        int next = open_in_root(root, prefix, O_RDONLY | O_DIRECTORY);
        if (next < 0 && errno == ENOENT && mkdirat(at, prefix + begin, 0755) == 0)
            next = open_in_root(root, prefix, O_RDONLY | O_DIRECTORY);
        if (next < 0)
            return fail_errno(e, "%s", prefix);
        close(at);
        at = next;
    }
    return take_fd(&at);
}

static int enter_parent(struct extraction *x, const char *path, const char **name, struct error *e)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    *name = slash ? slash + 1 : path;
    if (x->parent >= 0 && strlen(x->parent_path) == length &&
        memcmp(x->parent_path, path, length) == 0)
        return 0;
    if (x->parent >= 0)
        close(x->parent);
    memcpy(x->parent_path, path, length);
    x->parent_path[length] = 0;
    x->parent = open_or_make_directory(x->root, x->parent_path, e);
    return x->parent < 0 ? -1 : 0;
}

static int remove_children_of(int dir, struct error *e)
{
    AUTO_CLOSEDIR DIR *list = open_list(dir);
    if (!list)
        return fail_errno(e, "opaque directory");
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            remove_tree_at(dir, entry->d_name, e) < 0)
            return -1;
    }
    return 0;
}

static int make_opaque(int dir, struct error *e)
{
    return fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0) < 0
               ? fail_errno(e, "opaque directory")
               : 0;
}

/* A whiteout hides what lower layers have of that name, not what this layer has. */
static int hide_lower(int parent, const char *name, struct error *e)
{
    if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) == 0)
        return 0;
    if (errno != EEXIST)
        return fail_errno(e, "whiteout of %s", name);
    AUTO_CLOSE int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dir < 0 ? 0 : make_opaque(dir, e);
}

static int extract_whiteout(struct extraction *x, const char *name, struct error *e)
{
    bool as_overlay = x->whiteouts == WHITEOUTS_AS_OVERLAY;
    if (strcmp(name, ".wh..wh..opq") == 0)
        return as_overlay ? make_opaque(x->parent, e) : remove_children_of(x->parent, e);
    const char *removed = name + strlen(".wh.");
    if (!*removed || strcmp(removed, ".") == 0 || strcmp(removed, "..") == 0)
        return fail(e, EINVAL, "'%s' is no whiteout", name);
    return as_overlay ? hide_lower(x->parent, removed, e) : remove_tree_at(x->parent, removed, e);
}

/* aufs kept its books in the layer, as files and directories named `.wh..wh.`. */
static bool is_bookkeeping(const char *path)
{
    for (const char *at = strstr(path, ".wh..wh."); at; at = strstr(at + 1, ".wh..wh.")) {
        if ((at == path || at[-1] == '/') && strcmp(at, ".wh..wh..opq") != 0)
            return true;
    }
    return false;
}

static struct timespec entry_time(struct archive_entry *entry)
{
    struct timespec time = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    if (!archive_entry_mtime_is_set(entry) || time.tv_nsec < 0 || time.tv_nsec > 999999999)
        return (struct timespec){0, 0};
    return time;
}

/* Attributes of the overlay itself would make a layer point into other directories. */
static bool may_set_attribute(const char *name)
{
    return strcmp(name, "security.capability") == 0 || starts_with(name, "user.") ||
           starts_with(name, "system.posix_acl_");
}

static int set_attributes(int fd, struct archive_entry *entry, struct error *e)
{
    const char *name;
    const void *value;
    size_t size;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        if (may_set_attribute(name) && fsetxattr(fd, name, value, size, 0) < 0 &&
            errno != EOPNOTSUPP)
            return fail_errno(e, "attribute %s", name);
    }
    return 0;
}

/* Larger numbers would be cut down to those of somebody else. */
static int check_owner(struct archive_entry *entry, struct error *e)
{
    la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
        return fail(e, EINVAL, "no such owner: %lld:%lld", (long long)uid, (long long)gid);
    return 0;
}

/* Owner first: chown(2) clears set-user-ID bits and capabilities. */
static int set_owner_and_mode(const struct extraction *x, int fd, struct error *e)
{
    struct archive_entry *entry = x->entry;
    if (x->whiteouts == WHITEOUTS_NONE)
        return 0;
    if (fchown(fd, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry)) < 0)
        return fail_errno(e, "owner");
    if (fchmod(fd, archive_entry_perm(entry)) < 0)
        return fail_errno(e, "mode");
    return set_attributes(fd, entry, e);
}

static int write_data(struct extraction *x, int fd, struct error *e)
{
    const void *data;
    size_t size;
    la_int64_t offset, end = archive_entry_size(x->entry);
    for (;;) {
        int status = archive_read_data_block(x->archive, &data, &size, &offset);
        if (status == ARCHIVE_EOF)
            break;
        if (status < ARCHIVE_WARN)
            return fail(e, EINVAL, "damaged archive: %s", archive_error_string(x->archive));
        for (size_t done = 0; done < size;) {
            ssize_t n = pwrite(fd, (const char *)data + done, size - done, offset + (off_t)done);
            if (n < 0 && errno != EINTR)
                return fail_errno(e, "write");
            done += n < 0 ? 0 : (size_t)n;
        }
    }
    x->size += end;
    return ftruncate(fd, end) < 0 ? fail_errno(e, "write") : 0;
}

static int extract_file(struct extraction *x, const char *name, struct error *e)
{
    AUTO_CLOSE int fd =
        openat(x->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "%s", name);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry_time(x->entry)};
    if (write_data(x, fd, e) < 0 || set_owner_and_mode(x, fd, e) < 0)
        return -1;
    return futimens(fd, times) < 0 ? fail_errno(e, "time") : 0;
}

static int extract_directory(struct extraction *x, const char *path, const char *name,
                             struct error *e)
{
    if (*name && mkdirat(x->parent, name, 0700) < 0 && errno != EEXIST)
        return fail_errno(e, "%s", path);
    AUTO_CLOSE int fd =
        openat(x->parent, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    struct directory_time *time = vec_push(x->arena, &x->directories);
    time->path = arena_strdup(x->arena, path);
    time->time = entry_time(x->entry);
    return set_owner_and_mode(x, fd, e);
}

static int extract_hard_link(struct extraction *x, const char *target, const char *name,
                             struct error *e)
{
    char clean[PATH_MAX];
    if (clean_path(target, clean, e) < 0)
        return -1;
    AUTO_CLOSE int fd = open_in_root(x->root, clean, O_PATH | O_NOFOLLOW);
    if (fd < 0 || linkat(fd, "", x->parent, name, AT_EMPTY_PATH) < 0)
        return fail_errno(e, "link to %s", clean);
    return 0;
}

static int extract_symbolic_link(struct extraction *x, const char *name, struct error *e)
{
    const char *target = archive_entry_symlink(x->entry);
    if (!target)
        return fail(e, EINVAL, "a link to nothing");
    return symlinkat(target, x->parent, name) < 0 ? fail_errno(e, "%s", name) : 0;
}

static int extract_device(struct extraction *x, const char *name, struct error *e)
{
    mode_t type = archive_entry_filetype(x->entry), mode = archive_entry_perm(x->entry);
    dev_t device = makedev(archive_entry_rdevmajor(x->entry), archive_entry_rdevminor(x->entry));
    if (mknodat(x->parent, name, type | mode, device) < 0)
        return fail_errno(e, "%s", name);
    return 0;
}

/* What cannot be opened to set its attributes. The mode comes after the owner, who clears bits. */
static int extract_other(struct extraction *x, const char *name, struct error *e)
{
    mode_t type = archive_entry_filetype(x->entry);
    bool device = type == AE_IFCHR || type == AE_IFBLK || type == AE_IFIFO;
    if ((!device && type != AE_IFLNK) || (device && x->whiteouts == WHITEOUTS_NONE))
        return 0; /* sockets have no life of their own */
    if ((device ? extract_device : extract_symbolic_link)(x, name, e) < 0)
        return -1;
    if (x->whiteouts == WHITEOUTS_NONE)
        return 0;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry_time(x->entry)};
    if (fchownat(x->parent, name, (uid_t)archive_entry_uid(x->entry),
                 (gid_t)archive_entry_gid(x->entry), AT_SYMLINK_NOFOLLOW) < 0 ||
        (device && fchmodat(x->parent, name, archive_entry_perm(x->entry), 0) < 0) ||
        utimensat(x->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", name);
    return 0;
}

/* What stands in the way goes, except a directory where a directory comes. */
static int make_way(struct extraction *x, const char *name, bool directory, struct error *e)
{
    struct stat st;
    if (fstatat(x->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (directory && S_ISDIR(st.st_mode)))
        return 0;
    return remove_tree_at(x->parent, name, e);
}

static int extract_entry(struct extraction *x, struct error *e)
{
    char path[PATH_MAX];
    const char *name, *given = archive_entry_pathname(x->entry);
    if (!given)
        return fail(e, EINVAL, "archive entry without a name");
    if (clean_path(given, path, e) < 0 || check_owner(x->entry, e) < 0)
        return -1;
    if (x->whiteouts != WHITEOUTS_NONE && is_bookkeeping(path))
        return 0;
    if (enter_parent(x, path, &name, e) < 0)
        return -1;
    const char *target = archive_entry_hardlink(x->entry);
    bool directory = !target && archive_entry_filetype(x->entry) == AE_IFDIR;
    if (!*name)
        return directory ? extract_directory(x, path, name, e) : 0;
    if (x->whiteouts != WHITEOUTS_NONE && starts_with(name, ".wh."))
        return extract_whiteout(x, name, e);
    if (make_way(x, name, directory, e) < 0)
        return -1;
    if (target)
        return extract_hard_link(x, target, name, e);
    if (directory)
        return extract_directory(x, path, name, e);
    if (archive_entry_filetype(x->entry) == AE_IFREG)
        return extract_file(x, name, e);
    return extract_other(x, name, e);
}

static void set_directory_times(struct extraction *x)
{
    for (size_t i = x->directories.count; i-- > 0;) {
        struct directory_time *directory = &x->directories.items[i];
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, directory->time};
        AUTO_CLOSE int fd = open_in_root(x->root, directory->path, O_RDONLY | O_DIRECTORY);
        if (fd >= 0)
            futimens(fd, times);
    }
}

int layer_tar_extract_archive(struct archive *archive, int dir, enum whiteouts whiteouts,
                              long long *size, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_UTF8 locale_t before = utf8_begin();
    struct extraction x = {
        .archive = archive, .root = dir, .whiteouts = whiteouts, .arena = arena, .parent = -1};
    int result = 0, status;
    while (result == 0 && (status = archive_read_next_header(archive, &x.entry)) != ARCHIVE_EOF) {
        if (status == ARCHIVE_RETRY)
            continue;
        if (status < ARCHIVE_WARN) {
            result = fail(e, EINVAL, "damaged archive: %s", archive_error_string(archive));
        } else if (extract_entry(&x, e) < 0) {
            result = fail_in(e, "archive entry %.200s", archive_entry_pathname(x.entry));
        }
    }
    if (result == 0)
        set_directory_times(&x);
    if (x.parent >= 0)
        close(x.parent);
    if (size)
        *size = x.size;
    (void)before;
    return result;
}

int layer_tar_extract(int tar, int dir, enum whiteouts whiteouts, struct error *e)
{
    struct archive *archive = archive_read_new();
    archive_read_support_format_tar(archive);
    archive_read_support_format_empty(archive);
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_xz(archive);
    int result = archive_read_open_fd(archive, tar, 1 << 17) != ARCHIVE_OK
                     ? fail(e, EINVAL, "not a tar archive: %s", archive_error_string(archive))
                     : layer_tar_extract_archive(archive, dir, whiteouts, NULL, e);
    archive_read_free(archive);
    return result;
}
