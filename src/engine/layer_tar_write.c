#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "engine/layer_tar.h"
#include "engine/utf8.h"

/* A file with several names is written once; its further names become links to the first. */
struct written_file {
    dev_t device;
    ino_t inode;
    const char *path;
};

struct layer_writer {
    struct archive *archive;
    struct arena *arena;
    locale_t locale;
    VEC(struct written_file) files;
};

static int fail_archive(struct layer_writer *writer, struct error *e)
{
    int code = archive_errno(writer->archive);
    return fail(e, code > 0 ? code : EIO, "cannot write archive: %s: %s",
                archive_error_string(writer->archive), strerror(code > 0 ? code : EIO));
}

struct layer_writer *layer_writer_open(int fd, struct error *e)
{
    struct layer_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        fail_errno(e, "archive");
        return NULL;
    }
    writer->arena = arena_new();
    writer->locale = utf8_begin();
    writer->archive = archive_write_new();
    archive_write_set_format_pax_restricted(writer->archive);
    archive_write_set_bytes_in_last_block(writer->archive, 1);
    if (archive_write_open_fd(writer->archive, fd) != ARCHIVE_OK) {
        fail_archive(writer, e);
        layer_writer_drop(writer);
        return NULL;
    }
    return writer;
}

void layer_writer_drop(struct layer_writer *writer)
{
    archive_write_fail(writer->archive);
    archive_write_free(writer->archive);
    utf8_end_(&writer->locale);
    arena_free(writer->arena);
    free(writer);
}

int layer_writer_close(struct layer_writer *writer, struct error *e)
{
    int result = archive_write_close(writer->archive) == ARCHIVE_OK ? 0 : fail_archive(writer, e);
    layer_writer_drop(writer);
    return result;
}

static int copy_data(struct layer_writer *writer, int fd, long long size, struct error *e)
{
    char *buffer = arena_alloc(writer->arena, 1 << 16);
    while (size > 0) {
        ssize_t n = read(fd, buffer, size < 1 << 16 ? (size_t)size : 1 << 16);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? fail_errno(e, "read") : fail(e, EIO, "file became shorter");
        if (archive_write_data(writer->archive, buffer, (size_t)n) != n)
            return fail_archive(writer, e);
        size -= n;
    }
    return 0;
}

static int write_header(struct layer_writer *writer, struct archive_entry *entry, struct error *e)
{
    return archive_write_header(writer->archive, entry) < ARCHIVE_WARN ? fail_archive(writer, e)
                                                                       : 0;
}

/* Extended attributes by the /proc name, so that a symbolic link is never followed. */
static void add_attributes(struct layer_writer *writer, struct archive_entry *entry, int fd)
{
    char link[40], names[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = listxattr(link, names, sizeof(names));
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        if (starts_with(name, "trusted."))
            continue;
        char *value = arena_alloc(writer->arena, 1 << 12);
        ssize_t size = getxattr(link, name, value, 1 << 12);
        if (size >= 0)
            archive_entry_xattr_add_entry(entry, name, value, (size_t)size);
    }
}

static const char *find_written(struct layer_writer *writer, const struct stat *st,
                                const char *path)
{
    for (size_t i = 0; i < writer->files.count; i++) {
        const struct written_file *file = &writer->files.items[i];
        if (file->device == st->st_dev && file->inode == st->st_ino)
            return file->path;
    }
    struct written_file *file = vec_push(writer->arena, &writer->files);
    *file = (struct written_file){st->st_dev, st->st_ino, arena_strdup(writer->arena, path)};
    return NULL;
}

static int add_opened(struct layer_writer *writer, struct archive_entry *entry, int fd,
                      const char *path, struct error *e)
{
    char link[40], target[PATH_MAX];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_errno(e, "stat");
    if (S_ISSOCK(st.st_mode))
        return 0;
    archive_entry_copy_stat(entry, &st);
    archive_entry_copy_pathname(entry, path);
    if (S_ISLNK(st.st_mode)) {
        ssize_t length = readlinkat(fd, "", target, sizeof(target) - 1);
        if (length < 0)
            return fail_errno(e, "readlink");
        target[length] = 0;
        archive_entry_copy_symlink(entry, target);
    } else {
        add_attributes(writer, entry, fd);
    }
    if (!S_ISREG(st.st_mode)) {
        archive_entry_set_size(entry, 0);
        return write_header(writer, entry, e);
    }
    const char *first = st.st_nlink > 1 ? find_written(writer, &st, path) : NULL;
    if (first) {
        archive_entry_copy_hardlink(entry, first);
        archive_entry_set_size(entry, 0);
        return write_header(writer, entry, e);
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    AUTO_CLOSE int data = open(link, O_RDONLY | O_CLOEXEC);
    if (data < 0)
        return fail_errno(e, "open");
    return write_header(writer, entry, e) < 0 ? -1 : copy_data(writer, data, st.st_size, e);
}

int layer_writer_add(struct layer_writer *writer, int dir, const char *name, const char *path,
                     struct error *e)
{
    AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    struct archive_entry *entry = archive_entry_new();
    int result = add_opened(writer, entry, fd, path, e);
    archive_entry_free(entry);
    return result < 0 ? fail_in(e, "%s", path) : 0;
}

static int add_plain(struct layer_writer *writer, const char *path, long long size, struct error *e)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_copy_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, 0, 0);
    int result = write_header(writer, entry, e);
    archive_entry_free(entry);
    return result;
}

int layer_writer_add_bytes(struct layer_writer *writer, const char *path, const void *data,
                           size_t size, struct error *e)
{
    if (add_plain(writer, path, (long long)size, e) < 0)
        return -1;
    if (size && archive_write_data(writer->archive, data, size) != (la_ssize_t)size)
        return fail_archive(writer, e);
    return 0;
}

int layer_writer_add_stream(struct layer_writer *writer, const char *path, int fd, long long size,
                            struct error *e)
{
    return add_plain(writer, path, size, e) < 0 ? -1 : copy_data(writer, fd, size, e);
}

static int add_whiteout(struct layer_writer *writer, const char *path, const char *name,
                        struct error *e)
{
    char whiteout[PATH_MAX];
    int above = (int)(strlen(path) - strlen(name));
    snprintf(whiteout, sizeof(whiteout), "%.*s.wh.%s", above, path, name);
    return layer_writer_add_bytes(writer, whiteout, "", 0, e);
}

static bool is_opaque(int dir)
{
    char value = 0;
    return fgetxattr(dir, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int add_upper(struct layer_writer *writer, int dir, const char *prefix, struct error *e);

static int add_upper_directory(struct layer_writer *writer, int dir, const char *name,
                               const char *path, struct error *e)
{
    char inside[PATH_MAX];
    AUTO_CLOSE int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return fail_errno(e, "%s", path);
    if (snprintf(inside, sizeof(inside), "%s/.wh..wh..opq", path) >= (int)sizeof(inside))
        return fail(e, ENAMETOOLONG, "%s", path);
    if (layer_writer_add(writer, dir, name, path, e) < 0 ||
        (is_opaque(child) && layer_writer_add_bytes(writer, inside, "", 0, e) < 0))
        return -1;
    snprintf(inside, sizeof(inside), "%s/", path);
    return add_upper(writer, child, inside, e);
}

static int add_upper_entry(struct layer_writer *writer, int dir, const char *name,
                           const char *prefix, struct error *e)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof(path), "%s%s", prefix, name) >= (int)sizeof(path))
        return fail(e, ENAMETOOLONG, "%s%s", prefix, name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", path);
    if (S_ISDIR(st.st_mode))
        return add_upper_directory(writer, dir, name, path, e);
    if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
        return add_whiteout(writer, path, name, e);
    return layer_writer_add(writer, dir, name, path, e);
}

static int add_upper(struct layer_writer *writer, int dir, const char *prefix, struct error *e)
{
    int again = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list)
        return fail_errno(e, "%s", prefix);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            add_upper_entry(writer, dir, entry->d_name, prefix, e) < 0)
            return -1;
    }
    return 0;
}

static bool is_empty_directory(int dir)
{
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    int entries = 0;
    while (list && readdir(list))
        entries++;
    return list && entries <= 2;
}

int layer_tar_write_upper(int upper, int dir, const char *path, struct error *e)
{
    if (is_empty_directory(upper))
        return 0;
    AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    struct layer_writer *writer = layer_writer_open(fd, e);
    if (!writer)
        return -1;
    /* The root directory itself: its mode and owner may have been changed too. */
    if (layer_writer_add(writer, upper, ".", ".", e) < 0 || add_upper(writer, upper, "", e) < 0) {
        layer_writer_drop(writer);
        return -1;
    }
    return layer_writer_close(writer, e);
}
