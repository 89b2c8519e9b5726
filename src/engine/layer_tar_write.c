#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
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
    void *files;                    /* struct written_file: tsearch(3) */
    char names[XATTR_LIST_MAX];     /* of the entry at hand */
    char value[XATTR_SIZE_MAX + 1]; /* one attribute of it */
    char data[1 << 16];
};

static int fail_archive(struct layer_writer *writer, struct error *e)
{
    int code = archive_errno(writer->archive);
    return fail(e, code > 0 ? code : EIO, "cannot write archive: %s: %s",
                archive_error_string(writer->archive), strerror(code > 0 ? code : EIO));
}

struct layer_writer *layer_writer_open(int fd, struct error *e)
{
    struct arena *arena = arena_new();
    struct layer_writer *writer = arena_alloc(arena, sizeof(*writer));
    writer->arena = arena;
    writer->locale = utf8_begin();
    writer->archive = archive_write_new();
    archive_write_set_format_pax(writer->archive);
    archive_write_set_bytes_in_last_block(writer->archive, 1);
    if (archive_write_open_fd(writer->archive, fd) != ARCHIVE_OK) {
        fail_archive(writer, e);
        layer_writer_drop(writer);
        return NULL;
    }
    return writer;
}

static void keep_node(void *node)
{
    (void)node; /* the arena's */
}

static void release(struct layer_writer *writer)
{
    archive_write_free(writer->archive);
    utf8_end_(&writer->locale);
    tdestroy(writer->files, keep_node);
    arena_free(writer->arena);
}

void layer_writer_drop(struct layer_writer *writer)
{
    archive_write_fail(writer->archive);
    release(writer);
}

int layer_writer_close(struct layer_writer *writer, struct error *e)
{
    int result = archive_write_close(writer->archive) == ARCHIVE_OK ? 0 : fail_archive(writer, e);
    release(writer);
    return result;
}

static int write_header(struct layer_writer *writer, struct archive_entry *entry, struct error *e)
{
    return archive_write_header(writer->archive, entry) < ARCHIVE_WARN ? fail_archive(writer, e)
                                                                       : 0;
}

int layer_writer_write(struct layer_writer *writer, const void *data, size_t size, struct error *e)
{
    if (size && archive_write_data(writer->archive, data, size) != (la_ssize_t)size)
        return fail_archive(writer, e);
    return 0;
}

int layer_writer_begin(struct layer_writer *writer, const struct made_entry *made, struct error *e)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_mode(entry, made->mode);
    archive_entry_copy_pathname(entry, made->path);
    archive_entry_set_size(entry, made->size);
    archive_entry_set_mtime(entry, made->time, 0);
    if (made->target)
        archive_entry_copy_symlink(entry, made->target);
    int result = write_header(writer, entry, e);
    archive_entry_free(entry);
    return result;
}

int layer_writer_add_bytes(struct layer_writer *writer, const char *path, const void *data,
                           size_t size, struct error *e)
{
    struct made_entry file = {.path = path, .mode = S_IFREG | 0644, .size = (long long)size};
    if (layer_writer_begin(writer, &file, e) < 0)
        return -1;
    return layer_writer_write(writer, data, size, e);
}

static int copy_extent(struct layer_writer *writer, int fd, off_t from, off_t to, struct error *e)
{
    while (from < to) {
        size_t wanted = sizeof(writer->data);
        if (to - from < (off_t)wanted)
            wanted = (size_t)(to - from);
        ssize_t n = pread(fd, writer->data, wanted, from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? fail_errno(e, "read") : fail(e, EIO, "the file became shorter");
        if (layer_writer_write(writer, writer->data, (size_t)n, e) < 0)
            return -1;
        from += n;
    }
    return 0;
}

/* libarchive counts the bytes of holes, but does not look at them. */
static int skip_hole(struct layer_writer *writer, off_t size, struct error *e)
{
    while (size > 0) {
        size_t part = sizeof(writer->data);
        if (size < (off_t)part)
            part = (size_t)size;
        if (layer_writer_write(writer, writer->data, part, e) < 0)
            return -1;
        size -= (off_t)part;
    }
    return 0;
}

int layer_writer_add_stream(struct layer_writer *writer, const char *path, int fd, long long size,
                            struct error *e)
{
    struct made_entry file = {.path = path, .mode = S_IFREG | 0644, .size = size};
    if (layer_writer_begin(writer, &file, e) < 0)
        return -1;
    return copy_extent(writer, fd, 0, size, e);
}

/* The parts of a file that hold data. lseek(2), SEEK_DATA: ENXIO where only a hole is left. */
static void find_extents(struct archive_entry *entry, int fd, off_t size)
{
    off_t begin, end = 0;
    while (end < size && (begin = lseek(fd, end, SEEK_DATA)) >= 0) {
        end = lseek(fd, begin, SEEK_HOLE);
        if (end <= begin)
            end = size;
        archive_entry_sparse_add_entry(entry, begin, (end < size ? end : size) - begin);
    }
    if (size && archive_entry_sparse_count(entry) == 0)
        archive_entry_sparse_add_entry(entry, size, 0);
}

static int copy_sparse(struct layer_writer *writer, struct archive_entry *entry, int fd, off_t size,
                       struct error *e)
{
    la_int64_t begin, length, at = 0;
    archive_entry_sparse_reset(entry);
    while (archive_entry_sparse_next(entry, &begin, &length) == ARCHIVE_OK) {
        if (skip_hole(writer, begin - at, e) < 0 ||
            copy_extent(writer, fd, begin, begin + length, e) < 0)
            return -1;
        at = begin + length;
    }
    return skip_hole(writer, size - at, e);
}

static int add_attributes(struct layer_writer *writer, struct archive_entry *entry, int fd,
                          struct error *e)
{
    ssize_t length = flistxattr(fd, writer->names, sizeof(writer->names));
    if (length < 0)
        return errno == EOPNOTSUPP ? 0 : fail_errno(e, "attributes");
    for (char *name = writer->names; name < writer->names + length; name += strlen(name) + 1) {
        if (starts_with(name, "trusted."))
            continue;
        ssize_t size = fgetxattr(fd, name, writer->value, sizeof(writer->value));
        if (size >= 0)
            archive_entry_xattr_add_entry(entry, name, writer->value, (size_t)size);
        else if (errno != ENODATA)
            return fail_errno(e, "attribute %s", name);
    }
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    const struct written_file *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* The name under which this file was written before; NULL, and noted, where it was not. */
static const char *find_written(struct layer_writer *writer, const struct stat *st,
                                const char *path)
{
    struct written_file key = {.device = st->st_dev, .inode = st->st_ino};
    struct written_file **known = tfind(&key, &writer->files, compare_files);
    if (known)
        return (*known)->path;
    struct written_file *file = arena_copy(writer->arena, &key, sizeof(key));
    file->path = arena_strdup(writer->arena, path);
    tsearch(file, &writer->files, compare_files);
    return NULL;
}

static int add_file(struct layer_writer *writer, struct archive_entry *entry, int fd,
                    const struct stat *st, struct error *e)
{
    const char *path = archive_entry_pathname(entry);
    const char *first = st->st_nlink > 1 ? find_written(writer, st, path) : NULL;
    if (first) {
        archive_entry_copy_hardlink(entry, first);
        archive_entry_set_size(entry, 0);
        return write_header(writer, entry, e);
    }
    bool sparse = st->st_blocks < st->st_size / 512;
    if (sparse)
        find_extents(entry, fd, st->st_size);
    if (write_header(writer, entry, e) < 0)
        return -1;
    return sparse && archive_entry_sparse_count(entry)
               ? copy_sparse(writer, entry, fd, st->st_size, e)
               : copy_extent(writer, fd, 0, st->st_size, e);
}

static int add_symbolic_link(struct layer_writer *writer, struct archive_entry *entry, int dir,
                             const char *name, struct error *e)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(dir, name, target, sizeof(target) - 1);
    if (length < 0)
        return fail_errno(e, "readlink");
    target[length] = 0;
    archive_entry_copy_symlink(entry, target);
    return write_header(writer, entry, e);
}

/* What pax headers would keep besides: it is of no use elsewhere, and differs between equal trees.
 */
static void copy_stat(struct archive_entry *entry, const struct stat *st)
{
    archive_entry_copy_stat(entry, st);
    archive_entry_unset_atime(entry);
    archive_entry_unset_ctime(entry);
    archive_entry_unset_birthtime(entry);
    archive_entry_set_dev(entry, 0);
    archive_entry_set_ino(entry, 0);
    archive_entry_set_nlink(entry, 1);
    if (!S_ISREG(st->st_mode))
        archive_entry_set_size(entry, 0);
}

/* Files and directories are opened without waiting: one may have become a pipe meanwhile. */
static int add_entry(struct layer_writer *writer, struct archive_entry *entry, int dir,
                     const char *name, struct error *e)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "stat");
    if (S_ISSOCK(st.st_mode))
        return 0;
    copy_stat(entry, &st);
    if (S_ISLNK(st.st_mode))
        return add_symbolic_link(writer, entry, dir, name, e);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return write_header(writer, entry, e);
    AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    mode_t type = st.st_mode & S_IFMT;
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(e, "open");
    if ((st.st_mode & S_IFMT) != type)
        return fail(e, EBUSY, "it changes while it is read");
    copy_stat(entry, &st);
    if (add_attributes(writer, entry, fd, e) < 0)
        return -1;
    return S_ISREG(st.st_mode) ? add_file(writer, entry, fd, &st, e)
                               : write_header(writer, entry, e);
}

int layer_writer_add(struct layer_writer *writer, int dir, const char *name, const char *path,
                     struct error *e)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_copy_pathname(entry, path);
    int result = add_entry(writer, entry, dir, name, e);
    archive_entry_free(entry);
    return result < 0 ? fail_in(e, "%s", path) : 0;
}
