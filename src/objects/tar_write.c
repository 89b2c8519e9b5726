#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "objects/tar.h"

enum { BLOCK = 512, BUFFER = 16384, LONGEST_ATTRIBUTE = 65536, EMPTY_SIZE = 29 };

/* 1024 zero bytes by gzip. */
static const unsigned char empty_archive[EMPTY_SIZE] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x63, 0x60, 0x18, 0x05, 0xa3,
    0x60, 0x14, 0x8c, 0x54, 0x00, 0x00, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00};

/* POSIX.1-2001, pax interchange format: "ustar" header blocks. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct linked_file {
    ino_t inode;
    const char *path;
};

struct writer {
    int fd;
    z_stream z;
    struct arena *arena;
    const char *const *own_mounts;
    VEC(struct linked_file) linked; /* files with several names, by their first */
    unsigned char *out;
};

int tar_write_empty(int fd, struct error *e)
{
    return write_all(fd, empty_archive, EMPTY_SIZE) < 0 ? fail_errno(e, "cannot write archive") : 0;
}

bool tar_is_empty(int fd)
{
    unsigned char start[EMPTY_SIZE + 1];
    return pread(fd, start, sizeof(start), 0) == EMPTY_SIZE &&
           !memcmp(start, empty_archive, EMPTY_SIZE);
}

static int write_out(struct writer *writer, struct error *e)
{
    if (write_all(writer->fd, writer->out, BUFFER - writer->z.avail_out) < 0)
        return fail_errno(e, "cannot write archive");
    writer->z.next_out = writer->out;
    writer->z.avail_out = BUFFER;
    return 0;
}

static int compress_bytes(struct writer *writer, const void *data, size_t size, int flush,
                          struct error *e)
{
    writer->z.next_in = (Bytef *)data;
    writer->z.avail_in = (uInt)size;
    for (;;) {
        deflate(&writer->z, flush);
        if (writer->z.avail_out > 0)
            return flush == Z_FINISH ? write_out(writer, e) : 0;
        if (write_out(writer, e) < 0)
            return -1;
    }
}

static int put(struct writer *writer, const void *data, size_t size, struct error *e)
{
    return compress_bytes(writer, data, size, Z_NO_FLUSH, e);
}

static int pad(struct writer *writer, uint64_t size, struct error *e)
{
    static const char zeros[BLOCK];
    return size % BLOCK ? put(writer, zeros, BLOCK - size % BLOCK, e) : 0;
}

static void set_checksum(struct header *header)
{
    unsigned sum = 0;
    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((const unsigned char *)header)[i];
    snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
}

/* ---- what a header cannot hold: extended records before it ---- */

struct records {
    struct arena *arena;
    VEC(char) bytes;
};

/* `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too. */
static void add_record(struct records *records, const char *key, const void *value, size_t size)
{
    size_t rest = strlen(key) + size + 3, length = rest + 1;
    while (length != rest + (size_t)snprintf(NULL, 0, "%zu", length))
        length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
    const char *start = arena_printf(records->arena, "%zu %s=", length, key);
    for (const char *at = start; *at; at++)
        vec_add(records->arena, &records->bytes, *at);
    for (size_t i = 0; i < size; i++)
        vec_add(records->arena, &records->bytes, ((const char *)value)[i]);
    vec_add(records->arena, &records->bytes, '\n');
}

static void add_text(struct records *records, const char *key, const char *value)
{
    add_record(records, key, value, strlen(value));
}

static void add_attributes(struct records *records, int directory, const char *name)
{
    struct arena *arena = records->arena;
    char link[64], names[4096];
    AUTO_CLOSE int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = fd < 0 ? -1 : listxattr(link, names, sizeof(names));
    for (char *at = names; length > 0 && at < names + length; at += strlen(at) + 1) {
        char *value = arena_alloc(arena, LONGEST_ATTRIBUTE);
        ssize_t size = getxattr(link, at, value, LONGEST_ATTRIBUTE);
        if (size >= 0)
            add_record(records, arena_printf(arena, "SCHILY.xattr.%s", at), value, (size_t)size);
    }
}

static int put_records(struct writer *writer, const struct records *records, struct error *e)
{
    struct header header = {.name = "./PaxHeaders/x",
                            .mode = "0000600",
                            .uid = "0000000",
                            .gid = "0000000",
                            .mtime = "00000000000",
                            .type = 'x',
                            .magic = "ustar",
                            .version = {'0', '0'}};
    snprintf(header.size, sizeof(header.size), "%011zo", records->bytes.count);
    set_checksum(&header);
    return put(writer, &header, sizeof(header), e) < 0 ||
                   put(writer, records->bytes.items, records->bytes.count, e) < 0
               ? -1
               : pad(writer, records->bytes.count, e);
}

/* ---- entries ---- */

struct entry {
    const char *path; /* from "./" on */
    char type;
    struct statx st;
    const char *link; /* of a symbolic or hard link, else NULL */
    uint64_t size;
};

static void add_what_does_not_fit(struct records *records, const struct entry *entry)
{
    struct arena *arena = records->arena;
    const struct statx_timestamp *mtime = &entry->st.stx_mtime;
    if (strlen(entry->path) > 100 || (entry->link && strlen(entry->link) > 100))
        add_text(records, "hdrcharset", "BINARY");
    if (strlen(entry->path) > 100)
        add_text(records, "path", entry->path);
    if (entry->link && strlen(entry->link) > 100)
        add_text(records, "linkpath", entry->link);
    if (entry->size >> 33)
        add_text(records, "size", arena_printf(arena, "%" PRIu64, entry->size));
    if (entry->st.stx_uid >> 21)
        add_text(records, "uid", arena_printf(arena, "%u", entry->st.stx_uid));
    if (entry->st.stx_gid >> 21)
        add_text(records, "gid", arena_printf(arena, "%u", entry->st.stx_gid));
    if (entry->type == '0' && mtime->tv_sec >= 0)
        add_text(records, "mtime",
                 arena_printf(arena, "%lld.%09u", (long long)mtime->tv_sec, mtime->tv_nsec));
}

static int put_header(struct writer *writer, const struct entry *entry, struct error *e)
{
    const struct statx *st = &entry->st;
    struct header header = {.type = entry->type, .magic = "ustar", .version = {'0', '0'}};
    memcpy(header.name, entry->path, strnlen(entry->path, sizeof(header.name)));
    if (entry->link)
        memcpy(header.link, entry->link, strnlen(entry->link, sizeof(header.link)));
    snprintf(header.mode, sizeof(header.mode), "%07o", st->stx_mode & 07777U);
    snprintf(header.uid, sizeof(header.uid), "%07o", st->stx_uid & 07777777);
    snprintf(header.gid, sizeof(header.gid), "%07o", st->stx_gid & 07777777);
    snprintf(header.size, sizeof(header.size), "%011" PRIo64,
             entry->size & (((uint64_t)1 << 33) - 1));
    snprintf(header.mtime, sizeof(header.mtime), "%011" PRIo64,
             (uint64_t)st->stx_mtime.tv_sec & (((uint64_t)1 << 33) - 1));
    snprintf(header.major, sizeof(header.major), "%07o", st->stx_rdev_major & 07777777);
    snprintf(header.minor, sizeof(header.minor), "%07o", st->stx_rdev_minor & 07777777);
    set_checksum(&header);
    return put(writer, &header, sizeof(header), e);
}

static int put_content(struct writer *writer, int fd, uint64_t size, struct error *e)
{
    char *buffer = arena_alloc(writer->arena, BUFFER);
    for (uint64_t left = size; left;) {
        ssize_t got = read(fd, buffer, left < BUFFER ? (size_t)left : BUFFER);
        if (got <= 0)
            return got < 0 ? fail_errno(e, "cannot read") : fail(e, EIO, "became shorter");
        if (put(writer, buffer, (size_t)got, e) < 0)
            return -1;
        left -= (uint64_t)got;
    }
    return pad(writer, size, e);
}

static const char *find_first_name(struct writer *writer, const struct entry *entry)
{
    if (entry->st.stx_nlink < 2 || S_ISDIR(entry->st.stx_mode))
        return NULL;
    for (size_t i = 0; i < writer->linked.count; i++)
        if (writer->linked.items[i].inode == entry->st.stx_ino)
            return writer->linked.items[i].path;
    vec_add(writer->arena, &writer->linked, ((struct linked_file){entry->st.stx_ino, entry->path}));
    return NULL;
}

/* What stands in the place of a mount point, whose own file cannot be seen. */
static void become_mount_point(struct entry *entry)
{
    bool directory = S_ISDIR(entry->st.stx_mode);
    entry->type = directory ? '5' : '0';
    entry->st.stx_mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644;
    entry->st.stx_uid = entry->st.stx_gid = 0;
    entry->st.stx_rdev_major = entry->st.stx_rdev_minor = 0;
    entry->size = 0;
}

/* 0 for a file that archives do not hold. */
static char type_of(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return '0';
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFDIR:
        return '5';
    case S_IFIFO:
        return '6';
    default:
        return 0;
    }
}

static int read_link(struct writer *writer, int directory, const char *name, struct entry *entry,
                     struct error *e)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(directory, name, target, sizeof(target));
    if (length < 0)
        return fail_errno(e, "cannot read the link");
    entry->link = arena_strndup(writer->arena, target, (size_t)length);
    return 0;
}

static int put_entry(struct writer *writer, int directory, const char *name, struct entry *entry,
                     bool is_mount_point, struct error *e)
{
    struct records records = {.arena = writer->arena};
    const char *first = is_mount_point ? NULL : find_first_name(writer, entry);
    if (first) {
        entry->type = '1';
        entry->link = first;
        entry->size = 0;
    } else if (entry->type == '2' && read_link(writer, directory, name, entry, e) < 0) {
        return -1;
    }
    add_what_does_not_fit(&records, entry);
    if (!is_mount_point && (entry->type == '0' || entry->type == '5'))
        add_attributes(&records, directory, name);
    if ((records.bytes.count && put_records(writer, &records, e) < 0) ||
        put_header(writer, entry, e) < 0)
        return -1;
    if (entry->type != '0' || !entry->size)
        return 0;
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? fail_errno(e, "cannot open") : put_content(writer, fd, entry->size, e);
}

static bool is_own_mount(const struct writer *writer, const char *above, const char *name)
{
    const char *path = arena_printf(writer->arena, "%s%s", above + 1, name);
    for (const char *const *own = writer->own_mounts; *own; own++)
        if (!strcmp(*own, path))
            return true;
    return false;
}

static int write_directory(struct writer *writer, int directory, const char *path, struct error *e);

static int write_file(struct writer *writer, int directory, const char *name, const char *above,
                      struct error *e)
{
    struct entry entry = {0};
    bool top = !strcmp(name, ".");
    if (statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
              &entry.st) < 0)
        return fail_errno(e, "%s%s", above, name);
    bool is_mount_point = !top && entry.st.stx_attributes & STATX_ATTR_MOUNT_ROOT &&
                          !is_own_mount(writer, above, name);
    entry.type = type_of(entry.st.stx_mode);
    entry.size = entry.type == '0' ? entry.st.stx_size : 0;
    if (is_mount_point)
        become_mount_point(&entry);
    if (!entry.type)
        return 0;
    entry.path =
        top ? "./"
            : arena_printf(writer->arena, "%s%s%s", above, name, entry.type == '5' ? "/" : "");
    if (put_entry(writer, directory, name, &entry, is_mount_point, e) < 0)
        return fail_in(e, "%s", entry.path);
    if (entry.type != '5' || is_mount_point || top)
        return 0;
    AUTO_CLOSE int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? fail_errno(e, "%s", entry.path)
                     : write_directory(writer, below, entry.path, e);
}

static int write_directory(struct writer *writer, int directory, const char *path, struct error *e)
{
    AUTO_CLOSEDIR DIR *list = open_list(directory);
    if (!list)
        return fail_errno(e, "%s", path);
    for (struct dirent *entry; (entry = readdir(list));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            write_file(writer, directory, entry->d_name, path, e) < 0)
            return -1;
    return 0;
}

static int write_archive(struct writer *writer, int directory, struct error *e)
{
    static const char end[2 * BLOCK];
    if (write_file(writer, directory, ".", "", e) < 0 ||
        write_directory(writer, directory, "./", e) < 0)
        return -1;
    return compress_bytes(writer, end, sizeof(end), Z_FINISH, e);
}

int tar_write(int fd, const struct tar_tree *tree, struct error *e)
{
    enum { AS_GZIP = 16 };
    AUTO_ARENA struct arena *arena = arena_new();
    struct writer writer = {.fd = fd,
                            .arena = arena,
                            .own_mounts = tree->own_mounts,
                            .out = arena_alloc(arena, BUFFER)};
    int window = AS_GZIP + (tree->small ? 9 : 15), memory = tree->small ? 1 : 8;
    if (deflateInit2(&writer.z, Z_BEST_SPEED, Z_DEFLATED, window, memory, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return fail(e, ENOMEM, "cannot compress");
    writer.z.next_out = writer.out;
    writer.z.avail_out = BUFFER;
    int result = write_archive(&writer, tree->directory, e);
    deflateEnd(&writer.z);
    return result;
}
