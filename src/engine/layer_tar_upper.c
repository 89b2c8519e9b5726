/* The changes of a container as a layer tar: its overlay upper directory, entry by entry.
 *
 * The content is the container's: directories may be nested as deep as it likes. They are kept in a
 * list and opened by their path from the top, so that neither the stack nor descriptors run out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/layer_tar.h"

struct upper {
    struct layer_writer *writer;
    int root;
    struct arena *arena;
    VEC(const char *) waiting; /* directories whose content is still to be written */
};

struct names {
    VEC(char *) list;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their bytes, so that the same tree makes the same archive. */
static int list_names(int dir, struct arena *arena, struct names *names, struct error *e)
{
    AUTO_CLOSEDIR DIR *list = open_list(dir);
    if (!list)
        return fail_errno(e, "list");
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            vec_add(arena, &names->list, arena_strdup(arena, entry->d_name));
    }
    if (names->list.count)
        qsort(names->list.items, names->list.count, sizeof(char *), compare_names);
    return 0;
}

static bool is_opaque(int dir)
{
    char value = 0;
    return fgetxattr(dir, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int add_whiteout(struct upper *upper, const char *prefix, const char *name, struct error *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s.wh.%s", prefix, name) >= (int)sizeof(path))
        return fail(e, ENAMETOOLONG, "%s%s", prefix, name);
    return layer_writer_add_bytes(upper->writer, path, "", 0, e);
}

static int add_upper_entry(struct upper *upper, int dir, const char *prefix, const char *name,
                           struct error *e)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof(path), "%s%s", prefix, name) >= (int)sizeof(path))
        return fail(e, ENAMETOOLONG, "%s%s", prefix, name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", path);
    if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
        return add_whiteout(upper, prefix, name, e);
    if (starts_with(name, ".wh."))
        return fail(e, EINVAL, "%s: in a layer this name would mean that a file was removed", path);
    if (S_ISDIR(st.st_mode))
        vec_add(upper->arena, &upper->waiting, arena_strdup(upper->arena, path));
    return layer_writer_add(upper->writer, dir, name, path, e);
}

static int add_content(struct upper *upper, const char *path, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    struct names names = {0};
    AUTO_CLOSE int dir =
        (int)syscall(SYS_openat2, upper->root, *path ? path : ".", &how, sizeof(how));
    if (dir < 0 || list_names(dir, arena, &names, e) < 0)
        return dir < 0 ? fail_errno(e, "%s", path) : fail_in(e, "%s", path);
    const char *prefix = *path ? arena_printf(arena, "%s/", path) : "";
    if (is_opaque(dir) && add_whiteout(upper, prefix, ".wh..opq", e) < 0)
        return -1;
    for (size_t i = 0; i < names.list.count; i++) {
        if (add_upper_entry(upper, dir, prefix, names.list.items[i], e) < 0)
            return -1;
    }
    return 0;
}

/* The root directory itself comes first: its mode and owner may have been changed too. */
static int add_tree(struct upper *upper, struct error *e)
{
    if (layer_writer_add(upper->writer, upper->root, ".", ".", e) < 0)
        return -1;
    vec_add(upper->arena, &upper->waiting, "");
    while (upper->waiting.count) {
        if (add_content(upper, upper->waiting.items[--upper->waiting.count], e) < 0)
            return -1;
    }
    return 0;
}

static bool is_empty_directory(int dir)
{
    AUTO_CLOSEDIR DIR *list = open_list(dir);
    int entries = 0;
    while (list && readdir(list))
        entries++;
    return list && entries <= 2;
}

int layer_tar_write_upper(int upper_fd, int dir, const char *path, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (is_empty_directory(upper_fd))
        return 0;
    AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    struct upper upper = {.root = upper_fd, .arena = arena, .writer = layer_writer_open(fd, e)};
    if (!upper.writer)
        return -1;
    if (add_tree(&upper, e) < 0) {
        layer_writer_drop(upper.writer);
        return fail_in(e, "%s", path);
    }
    return layer_writer_close(upper.writer, e);
}
