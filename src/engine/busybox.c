/* A small image out of the machine's static busybox: nothing else is needed to try things out. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/import.h"
#include "engine/layer_tar.h"
#include "engine/store.h"

static const struct {
    const char *path;
    mode_t mode;
} directories[] = {
    {"bin", 0755},  {"dev", 0755},       {"etc", 0755},      {"home", 0755},
    {"proc", 0555}, {"root", 0700},      {"sys", 0555},      {"tmp", 01777},
    {"usr", 0755},  {"usr/bin", 0755},   {"usr/sbin", 0755}, {"sbin", 0755},
    {"var", 0755},  {"var/spool", 0755}, {"var/tmp", 01777}, {"run", 0755},
};

static const struct {
    const char *path;
    mode_t mode;
    const char *text;
} files[] = {
    {"etc/passwd", 0644,
     "root:x:0:0:root:/root:/bin/sh\n"
     "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
     "bin:x:2:2:bin:/bin:/bin/false\n"
     "www-data:x:33:33:www-data:/var/www:/bin/false\n"
     "nobody:x:65534:65534:nobody:/home:/bin/false\n"},
    {"etc/group", 0644,
     "root:x:0:\ndaemon:x:1:\nbin:x:2:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"},
    {"etc/nsswitch.conf", 0644, "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"etc/shadow", 0640, "root:*:::::::\n"},
    {"etc/hostname", 0644, ""},
    {"etc/hosts", 0644, ""},
    {"etc/resolv.conf", 0644, ""},
};

/* An ELF program with an interpreter would not start alone. */
static int check_static(int program, const char *path, struct error *e)
{
    Elf64_Ehdr header;
    if (pread(program, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return fail(e, EINVAL, "%s is not a program", path);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (pread(program, &segment, sizeof(segment),
                  (off_t)(header.e_phoff + (Elf64_Off)i * header.e_phentsize)) !=
            (ssize_t)sizeof(segment))
            return fail(e, EINVAL, "%s is a damaged program", path);
        if (segment.p_type == PT_INTERP)
            return fail(e, EINVAL, "%s is not linked statically (Debian: package busybox-static)",
                        path);
    }
    return 0;
}

/* Asks the program for the names it answers to; the arena's text, one path a line. */
static char *list_applets(const char *program, struct arena *arena, struct error *e)
{
    char *arguments[] = {"busybox", "--list-full", NULL}, *none[] = {NULL};
    int ends[2], status = 0;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        fail_errno(e, "pipe");
        return NULL;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    int failed = posix_spawn(&pid, program, &actions, NULL, arguments, none);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    AUTO_CLOSE int output = ends[0];
    if (failed) {
        fail(e, failed, "%s: %s", program, strerror(failed));
        return NULL;
    }
    char *list = read_fd_whole(output, arena, NULL, e);
    waitpid(pid, &status, 0);
    if (list && status != 0) {
        fail(e, EINVAL, "%s does not tell its names (--list-full)", program);
        return NULL;
    }
    return list;
}

static int add_directories(struct layer_writer *layer, time_t time, struct error *e)
{
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        struct made_entry entry = {
            .path = directories[i].path, .mode = S_IFDIR | directories[i].mode, .time = time};
        if (layer_writer_begin(layer, &entry, e) < 0)
            return -1;
    }
    return 0;
}

static int add_files(struct layer_writer *layer, time_t time, struct error *e)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        size_t size = strlen(files[i].text);
        struct made_entry entry = {.path = files[i].path,
                                   .mode = S_IFREG | files[i].mode,
                                   .size = (long long)size,
                                   .time = time};
        if (layer_writer_begin(layer, &entry, e) < 0 ||
            layer_writer_write(layer, files[i].text, size, e) < 0)
            return -1;
    }
    return 0;
}

static int add_program(struct layer_writer *layer, int program, const struct stat *st,
                       struct error *e)
{
    char block[1 << 15];
    struct made_entry entry = {
        .path = "bin/busybox", .mode = S_IFREG | 0755, .size = st->st_size, .time = st->st_mtime};
    if (layer_writer_begin(layer, &entry, e) < 0)
        return -1;
    for (off_t at = 0; at < st->st_size;) {
        ssize_t n = pread(program, block, sizeof(block), at);
        if (n <= 0)
            return n < 0 ? fail_errno(e, "read") : fail(e, EIO, "the program became shorter");
        if (layer_writer_write(layer, block, (size_t)n, e) < 0)
            return -1;
        at += n;
    }
    return 0;
}

static bool is_in_our_directories(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        if (strlen(directories[i].path) == length &&
            strncmp(directories[i].path, path, length) == 0)
            return true;
    }
    return false;
}

static int link_applets(struct layer_writer *layer, char *list, time_t time, struct error *e)
{
    for (char *line, *rest = list; (line = strsep(&rest, "\n"));) {
        if (!path_is_plain(line) || !is_in_our_directories(line) || !strcmp(line, "bin/busybox"))
            continue;
        struct made_entry entry = {.path = line,
                                   .mode = S_IFLNK | 0777,
                                   .target = starts_with(line, "bin/") ? "busybox" : "/bin/busybox",
                                   .time = time};
        if (layer_writer_begin(layer, &entry, e) < 0)
            return -1;
    }
    return 0;
}

static int write_layer(struct layer_writer *layer, int program, const struct stat *st,
                       char *applets, struct error *e)
{
    if (add_directories(layer, st->st_mtime, e) < 0 || add_files(layer, st->st_mtime, e) < 0 ||
        add_program(layer, program, st, e) < 0)
        return -1;
    return link_applets(layer, applets, st->st_mtime, e);
}

/* A tar of the whole root file system, in an unnamed file. All times are the program's own, so that
 * the same program always makes the same image. */
static int make_tar(struct engine *engine, const char *path, struct stat *st, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_CLOSE int program = open(path, O_RDONLY | O_CLOEXEC);
    if (program < 0 || fstat(program, st) < 0)
        return fail_errno(e, "%s", path);
    char *applets = check_static(program, path, e) < 0 ? NULL : list_applets(path, arena, e);
    if (!applets)
        return -1;
    AUTO_CLOSE int tar = openat(engine->root, "trash", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (tar < 0)
        return fail_errno(e, "unnamed file");
    struct layer_writer *layer = layer_writer_open(tar, e);
    if (!layer)
        return -1;
    if (write_layer(layer, program, st, applets, e) < 0) {
        layer_writer_drop(layer);
        return -1;
    }
    if (layer_writer_close(layer, e) < 0)
        return -1;
    return lseek(tar, 0, SEEK_SET) < 0 ? fail_errno(e, "unnamed file") : take_fd(&tar);
}

int engine_image_busybox(struct engine *engine, const char *program, const char *reference,
                         char id[ENGINE_IMAGE_ID_SIZE], struct error *e)
{
    char created[TIME_TEXT_SIZE];
    struct stat st;
    struct tm parts;
    AUTO_CLOSE int tar = make_tar(engine, program && *program ? program : "/bin/busybox", &st, e);
    if (tar < 0)
        return fail_in(e, "busybox image");
    strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&st.st_mtime, &parts));
    json_auto_t *changes = json_pack("[s, s]", "CMD [\"sh\"]",
                                     "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                     "/sbin:/bin");
    struct import import = {.reference = reference && *reference ? reference : "busybox:latest",
                            .changes = changes,
                            .comment = "busybox of this machine",
                            .created = created};
    return import_layer(engine, &import, tar, id, e) < 0 ? fail_in(e, "busybox image") : 0;
}
