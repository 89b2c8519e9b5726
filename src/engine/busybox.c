/* A small image out of the machine's static busybox: nothing else is needed to try things out. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
    const char *path, *text;
} files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                   "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                   "bin:x:2:2:bin:/bin:/bin/false\n"
                   "www-data:x:33:33:www-data:/var/www:/bin/false\n"
                   "nobody:x:65534:65534:nobody:/home:/bin/false\n"},
    {"etc/group", "root:x:0:\ndaemon:x:1:\nbin:x:2:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"etc/shadow", "root:*:::::::\n"},
    {"etc/hostname", ""},
    {"etc/hosts", ""},
    {"etc/resolv.conf", ""},
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
                  (off_t)(header.e_phoff + (Elf64_Off)i * header.e_phentsize)) < 0)
            return fail_errno(e, "%s", path);
        if (segment.p_type == PT_INTERP)
            return fail(e, EINVAL, "%s is not linked statically (Debian: package busybox-static)",
                        path);
    }
    return 0;
}

static int copy_program(int program, int root, struct error *e)
{
    AUTO_CLOSE int to = openat(root, "bin/busybox", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    struct stat st;
    if (to < 0 || fstat(program, &st) < 0)
        return fail_errno(e, "bin/busybox");
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = copy_file_range(program, NULL, to, NULL, (size_t)left, 0);
        if (n <= 0)
            return fail_errno(e, "copy busybox");
        left -= n;
    }
    return fchmod(to, 0755) < 0 ? fail_errno(e, "bin/busybox") : 0;
}

/* Asks the program for the names it answers to; the arena's text, one path a line. */
static char *list_applets(const char *program, struct arena *arena, struct error *e)
{
    char *arguments[] = {"busybox", "--list-full", NULL}, *none[] = {NULL};
    int ends[2], status;
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
    return list;
}

static int link_applets(int root, char *list, struct error *e)
{
    for (char *line, *rest = list; (line = strsep(&rest, "\n"));) {
        if (!*line || !path_is_plain(line) || *line == '/' || strcmp(line, "bin/busybox") == 0)
            continue;
        const char *target = starts_with(line, "bin/") ? "busybox" : "/bin/busybox";
        if (symlinkat(target, root, line) < 0 && errno != EEXIST && errno != ENOENT)
            return fail_errno(e, "%s", line);
    }
    return 0;
}

static int make_tree(int root, const char *program, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        if (mkdirat(root, directories[i].path, 0755) < 0 ||
            fchmodat(root, directories[i].path, directories[i].mode, 0) < 0)
            return fail_errno(e, "%s", directories[i].path);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        if (replace_file_at(root, files[i].path, files[i].text, strlen(files[i].text), 0644, e) < 0)
            return -1;
    }
    AUTO_CLOSE int from = open(program, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail_errno(e, "%s", program);
    if (check_static(from, program, e) < 0 || copy_program(from, root, e) < 0)
        return -1;
    char *applets = list_applets(program, arena, e);
    return applets ? link_applets(root, applets, e) : -1;
}

static int import_tree(struct engine *engine, int root, const char *beside, const char *reference,
                       char id[ENGINE_IMAGE_ID_SIZE], struct error *e)
{
    char path[100];
    snprintf(path, sizeof(path), "%s.tar", beside);
    if (layer_tar_write_upper(root, engine->root, path, e) < 0)
        return -1;
    AUTO_CLOSE int tar = openat(engine->root, path, O_RDONLY | O_CLOEXEC);
    unlinkat(engine->root, path, 0);
    if (tar < 0)
        return fail_errno(e, "%s", path);
    json_auto_t *changes = json_pack("[s, s]", "CMD [\"sh\"]",
                                     "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                     "/sbin:/bin");
    return engine_image_import(engine, tar, reference, changes, "busybox of this machine", id, e);
}

int engine_image_busybox(struct engine *engine, const char *program, const char *reference,
                         char id[ENGINE_IMAGE_ID_SIZE], struct error *e)
{
    char random[ENGINE_ID_SIZE], beside[80];
    struct error ignored = {0};
    program = program && *program ? program : "/bin/busybox";
    reference = reference && *reference ? reference : "busybox:latest";
    write_random_id(random);
    snprintf(beside, sizeof(beside), "trash/%s", random);
    AUTO_CLOSE int root = open_directory_at(engine->root, beside, true, e);
    if (root < 0)
        return -1;
    fchmod(root, 0755);
    int result = make_tree(root, program, e);
    if (result == 0)
        result = import_tree(engine, root, beside, reference, id, e);
    remove_tree_at(engine->root, beside, &ignored);
    return result < 0 ? fail_in(e, "busybox image") : 0;
}
