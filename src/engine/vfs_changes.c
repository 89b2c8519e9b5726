/* What a vfs container changed: its tree is compared with the layers it was copied from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/layer_tar.h"
#include "engine/vfs.h"

/* The same directory in every layer that shows through, the highest first. */
struct layer_dirs {
    int *items;
    size_t count, capacity;
};

struct comparison {
    struct layer_writer *writer; /* opened when the first change is found, on `file` */
    int file;
    int dir;
    const char *path;
};

static void close_layer_dirs(struct layer_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        close(dirs->items[i]);
}

static int open_writer(struct comparison *comparison, struct error *e)
{
    if (comparison->writer)
        return 0;
    comparison->file =
        openat(comparison->dir, comparison->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (comparison->file < 0)
        return fail_errno(e, "%s", comparison->path);
    comparison->writer = layer_writer_open(comparison->file, e);
    return comparison->writer ? 0 : -1;
}

/* Does a layer show `name` here? */
static bool find_lower(const struct layer_dirs *layers, const char *name, struct stat *st)
{
    for (size_t i = 0; i < layers->count; i++) {
        if (fstatat(layers->items[i], name, st, AT_SYMLINK_NOFOLLOW) == 0)
            return !is_whiteout(st);
    }
    return false;
}

static bool same_link(int dir, const struct layer_dirs *layers, const char *name)
{
    char here[PATH_MAX], below[PATH_MAX];
    ssize_t size = readlinkat(dir, name, here, sizeof(here)), other = -1;
    for (size_t i = 0; i < layers->count && other < 0; i++)
        other = readlinkat(layers->items[i], name, below, sizeof(below));
    return size >= 0 && size == other && memcmp(here, below, (size_t)size) == 0;
}

static bool is_unchanged(int dir, const struct layer_dirs *layers, const char *name,
                         const struct stat *st, const struct stat *lower)
{
    if (st->st_mode != lower->st_mode || st->st_uid != lower->st_uid ||
        st->st_gid != lower->st_gid || st->st_rdev != lower->st_rdev)
        return false;
    if (S_ISLNK(st->st_mode))
        return same_link(dir, layers, name);
    return !S_ISREG(st->st_mode) ||
           (st->st_size == lower->st_size && st->st_mtim.tv_sec == lower->st_mtim.tv_sec &&
            st->st_mtim.tv_nsec == lower->st_mtim.tv_nsec);
}

/* The layers' directories `name`, down to the first that hides the rest. */
static void descend(const struct layer_dirs *layers, const char *name, struct layer_dirs *below,
                    struct arena *arena)
{
    for (size_t i = 0; i < layers->count; i++) {
        struct stat st;
        if (fstatat(layers->items[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        int fd = S_ISDIR(st.st_mode) ? openat(layers->items[i], name,
                                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                     : -1;
        if (fd < 0)
            return;
        vec_add(arena, below, fd);
        if (is_opaque_directory(fd))
            return;
    }
}

static int add_removed(struct comparison *comparison, int dir, const struct layer_dirs *layers,
                       const char *prefix, bool *changed, struct error *e)
{
    for (size_t i = 0; i < layers->count; i++) {
        int again = openat(layers->items[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
        for (struct dirent *entry; list && (entry = readdir(list));) {
            char path[PATH_MAX];
            struct stat st;
            if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
                !find_lower(layers, entry->d_name, &st))
                continue;
            snprintf(path, sizeof(path), "%s.wh.%s", prefix, entry->d_name);
            *changed = true;
            if (open_writer(comparison, e) < 0 ||
                layer_writer_add_bytes(comparison->writer, path, "", 0, e) < 0)
                return -1;
        }
    }
    return 0;
}

static int compare_directory(struct comparison *comparison, int dir,
                             const struct layer_dirs *layers, const char *prefix, bool *changed,
                             struct error *e);

static int compare_inside(struct comparison *comparison, int dir, const struct layer_dirs *layers,
                          const char *name, const char *path, bool *changed, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct layer_dirs below = {0};
    AUTO_CLOSE int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return fail_errno(e, "%s", path);
    descend(layers, name, &below, arena);
    int result =
        compare_directory(comparison, child, &below, arena_printf(arena, "%s/", path), changed, e);
    close_layer_dirs(&below);
    return result;
}

static int compare_entry(struct comparison *comparison, int dir, const struct layer_dirs *layers,
                         const char *prefix, const char *name, bool *changed, struct error *e)
{
    char path[PATH_MAX];
    struct stat st, lower;
    if (snprintf(path, sizeof(path), "%s%s", prefix, name) >= (int)sizeof(path))
        return fail(e, ENAMETOOLONG, "%s%s", prefix, name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "%s", path);
    bool differs =
        !find_lower(layers, name, &lower) || !is_unchanged(dir, layers, name, &st, &lower);
    if (S_ISDIR(st.st_mode) && compare_inside(comparison, dir, layers, name, path, &differs, e) < 0)
        return -1;
    if (!differs)
        return 0;
    *changed = true;
    return open_writer(comparison, e) < 0
               ? -1
               : layer_writer_add(comparison->writer, dir, name, path, e);
}

static int compare_directory(struct comparison *comparison, int dir,
                             const struct layer_dirs *layers, const char *prefix, bool *changed,
                             struct error *e)
{
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list)
        return fail_errno(e, "%s", prefix);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            compare_entry(comparison, dir, layers, prefix, entry->d_name, changed, e) < 0)
            return -1;
    }
    return add_removed(comparison, dir, layers, prefix, changed, e);
}

static int open_layers(const struct container *container, struct layer_dirs *layers,
                       struct arena *arena, struct error *e)
{
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(container->config, "Layers"), i, key) {
        char path[100];
        snprintf(path, sizeof(path), "layers/%.64s", json_string_value(key));
        int fd = open_directory_at(container->engine->root, path, false, e);
        if (fd < 0)
            return -1;
        vec_add(arena, layers, fd);
    }
    return 0;
}

int vfs_save_changes(struct container *container, int dir, const char *path, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct layer_dirs layers = {0};
    struct comparison comparison = {.dir = dir, .path = path, .file = -1};
    bool changed = false;
    AUTO_CLOSE int rootfs = open_directory_at(container->dir, "rootfs", false, e);
    if (rootfs < 0)
        return -1;
    int result = open_layers(container, &layers, arena, e);
    if (result == 0)
        result = compare_directory(&comparison, rootfs, &layers, "", &changed, e);
    close_layer_dirs(&layers);
    if (comparison.writer && result == 0)
        result = layer_writer_close(comparison.writer, e);
    else if (comparison.writer)
        layer_writer_drop(comparison.writer);
    if (comparison.file >= 0)
        close(comparison.file);
    return result;
}
