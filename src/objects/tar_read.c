#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "objects/tar.h"

/* Times of directories are set last: making what is in them changes them. */
struct dated_directory {
    const char *path;
    struct timespec mtime;
};

struct reader {
    struct archive *archive;
    int top;
    struct arena *arena;
    VEC(struct dated_directory) directories;
};

static int fail_archive(const struct reader *reader, struct error *e)
{
    int code = archive_errno(reader->archive);
    const char *text = archive_error_string(reader->archive);
    return fail(e, code > 0 ? code : EBADMSG, "archive: %s", text ? text : "damaged");
}

/* "./a/b/" of the archive as "a/b"; "." for the top; NULL for what would lead elsewhere. */
static const char *plain_path(struct arena *arena, const char *path)
{
    if (!path)
        return NULL;
    while (starts_with(path, "./"))
        path += 2;
    size_t length = strlen(path);
    while (length && path[length - 1] == '/')
        length--;
    if (!length || !strcmp(path, "."))
        return ".";
    char *plain = arena_strndup(arena, path, length);
    return plain[0] != '/' && path_is_plain(plain) ? plain : NULL;
}

static int open_beneath(const struct reader *reader, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, reader->top, path, &how, sizeof(how));
}

/* The directory that `path` is in; the top one is not opened again. */
static int open_parent(const struct reader *reader, const char *path, int *opened)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return reader->top;
    *opened = open_beneath(reader, arena_strndup(reader->arena, path, (size_t)(slash - path)),
                           O_PATH | O_DIRECTORY);
    return *opened;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Zeros are left out: a file that had holes has them again. */
static int write_content(const struct reader *reader, int fd, int64_t size, struct error *e)
{
    const void *data;
    size_t length;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(reader->archive, &data, &length, &offset)) ==
           ARCHIVE_OK) {
        const char *bytes = data;
        bool zeros = !length || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
        if (!zeros && pwrite(fd, data, length, offset) != (ssize_t)length)
            return fail_errno(e, "cannot write");
    }
    if (result != ARCHIVE_EOF)
        return fail_archive(reader, e);
    return ftruncate(fd, size) < 0 ? fail_errno(e, "cannot write") : 0;
}

static int make_file(const struct reader *reader, int parent, const char *name,
                     struct archive_entry *entry, struct error *e)
{
    AUTO_CLOSE int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "cannot make it");
    return write_content(reader, fd, archive_entry_size(entry), e);
}

static int make_hard_link(const struct reader *reader, int parent, const char *name,
                          const char *link, struct error *e)
{
    const char *target = plain_path(reader->arena, link);
    AUTO_CLOSE int fd = target ? open_beneath(reader, target, O_PATH | O_NOFOLLOW) : -1;
    if (fd < 0 || linkat(fd, "", parent, name, AT_EMPTY_PATH) < 0)
        return fail(e, fd < 0 ? EBADMSG : errno, "cannot link it to %s", link);
    return 0;
}

static int make_node(const struct reader *reader, int parent, const char *name,
                     struct archive_entry *entry, struct error *e)
{
    mode_t type = archive_entry_filetype(entry);
    const char *target = archive_entry_symlink(entry);
    int result = -1;
    errno = EBADMSG;
    if (S_ISREG(type))
        return make_file(reader, parent, name, entry, e);
    if (S_ISDIR(type))
        result = mkdirat(parent, name, 0700);
    else if (S_ISLNK(type) && target)
        result = symlinkat(target, parent, name);
    else if (S_ISCHR(type) || S_ISBLK(type) || S_ISFIFO(type))
        result = mknodat(parent, name, type | 0600, archive_entry_rdev(entry));
    return result < 0 ? fail_errno(e, "cannot make it") : 0;
}

static int set_attributes(int parent, const char *name, struct archive_entry *entry,
                          struct error *e)
{
    const char *attribute;
    const void *value;
    size_t size;
    if (archive_entry_xattr_reset(entry) == 0)
        return 0;
    AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    while (archive_entry_xattr_next(entry, &attribute, &value, &size) == ARCHIVE_OK)
        if (fd < 0 || fsetxattr(fd, attribute, value, size, 0) < 0)
            return fail_errno(e, "attribute %s", attribute);
    return 0;
}

static int set_metadata(struct reader *reader, int parent, const char *name, const char *path,
                        struct archive_entry *entry, struct error *e)
{
    bool link = S_ISLNK(archive_entry_filetype(entry));
    struct timespec times[2] = {{0, UTIME_OMIT},
                                {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    uid_t uid = (uid_t)archive_entry_uid(entry);
    gid_t gid = (gid_t)archive_entry_gid(entry);
    if ((uid != geteuid() || gid != getegid() || !strcmp(name, ".")) &&
        fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "cannot set its owner");
    if (!link && (set_attributes(parent, name, entry, e) < 0 ||
                  (fchmodat(parent, name, archive_entry_perm(entry), 0) < 0 &&
                   fail_errno(e, "cannot set its mode") < 0)))
        return -1;
    if (S_ISDIR(archive_entry_filetype(entry)))
        vec_add(reader->arena, &reader->directories, ((struct dated_directory){path, times[1]}));
    else if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "cannot set its times");
    return 0;
}

static int read_entry(struct reader *reader, struct archive_entry *entry, struct error *e)
{
    const char *path = plain_path(reader->arena, archive_entry_pathname(entry));
    const char *link = archive_entry_hardlink(entry);
    if (!path)
        return fail(e, EBADMSG, "archive: a path leads out of it");
    AUTO_CLOSE int opened = -1;
    int parent = open_parent(reader, path, &opened);
    const char *name = last_part(path);
    if (parent < 0)
        return fail_errno(e, "%s", path);
    if (link)
        return make_hard_link(reader, parent, name, link, e) < 0 ? fail_in(e, "%s", path) : 0;
    if (strcmp(path, ".") != 0 && make_node(reader, parent, name, entry, e) < 0)
        return fail_in(e, "%s", path);
    return set_metadata(reader, parent, name, path, entry, e) < 0 ? fail_in(e, "%s", path) : 0;
}

static int date_directories(const struct reader *reader, struct error *e)
{
    for (size_t i = reader->directories.count; i > 0; i--) {
        const struct dated_directory *directory = &reader->directories.items[i - 1];
        struct timespec times[2] = {{0, UTIME_OMIT}, directory->mtime};
        AUTO_CLOSE int opened = -1;
        int parent = open_parent(reader, directory->path, &opened);
        if (parent < 0 ||
            utimensat(parent, last_part(directory->path), times, AT_SYMLINK_NOFOLLOW) < 0)
            return fail_errno(e, "%s: cannot set its times", directory->path);
    }
    return 0;
}

static int read_all(struct reader *reader, struct error *e)
{
    struct archive_entry *entry;
    int result;
    while ((result = archive_read_next_header(reader->archive, &entry)) >= ARCHIVE_WARN) {
        if (result == ARCHIVE_EOF)
            return date_directories(reader, e);
        if (read_entry(reader, entry, e) < 0)
            return -1;
    }
    return fail_archive(reader, e);
}

int tar_read(int fd, int directory, struct arena *arena, struct error *e)
{
    struct reader reader = {.archive = archive_read_new(), .top = directory, .arena = arena};
    archive_read_support_format_tar(reader.archive);
    archive_read_support_format_empty(reader.archive);
    archive_read_support_filter_gzip(reader.archive);
    int result = archive_read_open_fd(reader.archive, fd, 16384) == ARCHIVE_OK
                     ? read_all(&reader, e)
                     : fail_archive(&reader, e);
    archive_read_free(reader.archive);
    return result;
}
