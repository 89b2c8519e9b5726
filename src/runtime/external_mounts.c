/* What of a container's mounts comes from outside, for a checkpoint and a restore of it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/mount_options.h"
#include "runtime/rootfs_path.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"

/* The path that an open file of the rootfs has in the container. */
static const char *path_in_root(int root, int fd, struct arena *arena)
{
    char link[64], root_path[PATH_MAX], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", root);
    ssize_t root_length = readlink(link, root_path, sizeof(root_path));
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path));
    if (root_length <= 0 || length < root_length || length == PATH_MAX ||
        memcmp(root_path, path, (size_t)root_length) != 0)
        return NULL;
    return length == root_length
               ? "/"
               : arena_strndup(arena, path + root_length, (size_t)(length - root_length));
}

/* The mount point with its links resolved; what is not there yet stays as it is written. */
static const char *resolved(int root, const char *destination, struct arena *arena)
{
    AUTO_CLOSE int fd = rootfs_open(root, destination, 0);
    const char *path = fd < 0 ? NULL : path_in_root(root, fd, arena);
    return path ? path : destination;
}

static void add(struct runtime_mounts *mounts, const char *destination, const char *source,
                struct arena *arena)
{
    vec_add(arena, mounts, ((struct runtime_mount){destination, source}));
}

static int add_cgroups(struct runtime_mounts *mounts, const struct spec *spec,
                       const char *destination, struct arena *arena, struct error *e)
{
    struct cgroup cgroup;
    if (cgroup_find(&cgroup, spec->cgroups_path, arena, e) < 0)
        return -1;
    if (!cgroup_mounts_are_binds(&cgroup.hierarchies) || !cgroup.path)
        return 0;
    for (size_t i = 0; i < cgroup.hierarchies.count; i++) {
        const struct hierarchy *hierarchy = &cgroup.hierarchies.items[i];
        const char *slash = cgroup.path[0] == '/' ? "" : "/";
        add(mounts, arena_printf(arena, "%s/%s", destination, cgroup_mounts_name(hierarchy)),
            arena_printf(arena, "%s%s%s", hierarchy->mount_point, slash, cgroup.path), arena);
    }
    return 0;
}

static int add_mount(struct runtime_mounts *mounts, int root, const struct spec *spec,
                     const char *bundle, const struct mount_spec *mount, struct arena *arena,
                     struct error *e)
{
    struct mount_options options;
    if (mount_options_read(&options, &mount->options, arena, e) < 0)
        return -1;
    const char *destination = resolved(root, mount->destination, arena);
    if (!strcmp(mount->type, "cgroup"))
        return add_cgroups(mounts, spec, destination, arena, e);
    if (!options.bind && strcmp(mount->type, "bind") != 0)
        return 0;
    const char *source = mount->source[0] == '/'
                             ? mount->source
                             : arena_printf(arena, "%s/%s", bundle, mount->source);
    add(mounts, destination, source, arena);
    return 0;
}

/* Below /proc and /sys the host's files say what the container's are. */
static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static int list(struct runtime_mounts *mounts, const struct spec *spec, const char *bundle,
                struct arena *arena, struct error *e)
{
    AUTO_CLOSE int root = open(spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail_errno(e, "rootfs %s", spec->rootfs);
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (add_mount(mounts, root, spec, bundle, &spec->mounts[i], arena, e) < 0)
            return -1;
    for (size_t i = 0; i < spec->masked_paths.count; i++)
        if (is_file(spec->masked_paths.items[i]))
            add(mounts, arena_strdup(arena, spec->masked_paths.items[i]), "/dev/null", arena);
    return 0;
}

/* The spec's strings end with it: what is kept is copied. */
static void keep(struct runtime_mounts *mounts, struct arena *arena)
{
    for (size_t i = 0; i < mounts->count; i++) {
        mounts->items[i].destination = arena_strdup(arena, mounts->items[i].destination);
        mounts->items[i].source = arena_strdup(arena, mounts->items[i].source);
    }
}

int runtime_external_mounts(const struct runtime_container *container, struct arena *arena,
                            struct runtime_mounts *mounts, struct error *e)
{
    AUTO_SPEC struct spec spec;
    *mounts = (struct runtime_mounts){0};
    if (spec_open(&spec, container->bundle, arena, e) < 0 ||
        list(mounts, &spec, container->bundle, arena, e) < 0)
        return fail_in(e, "container %s", container->id);
    keep(mounts, arena);
    return 0;
}

static bool wants_directory(const struct mount_spec *mount, const char *bundle, struct arena *arena)
{
    struct mount_options options;
    struct error ignored;
    struct stat st;
    if (mount_options_read(&options, &mount->options, arena, &ignored) < 0 ||
        (!options.bind && strcmp(mount->type, "bind") != 0))
        return true;
    const char *source = mount->source[0] == '/'
                             ? mount->source
                             : arena_printf(arena, "%s/%s", bundle, mount->source);
    return stat(source, &st) < 0 || S_ISDIR(st.st_mode);
}

/* A mount point that lies on another mount of the container (/dev/pts on /dev) comes back with
 * that one; made in the rootfs it would only stay behind, hidden. */
static bool lies_on_another(const struct spec *spec, size_t index)
{
    const char *destination = spec->mounts[index].destination;
    for (size_t i = 0; i < index; i++) {
        const char *other = spec->mounts[i].destination;
        size_t length = strlen(other);
        if (!strncmp(other, destination, length) && destination[length] == '/')
            return true;
    }
    return false;
}

int runtime_make_mount_points(const struct runtime_container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_SPEC struct spec spec;
    if (spec_open(&spec, container->bundle, arena, e) < 0)
        return -1;
    AUTO_CLOSE int root = open(spec.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail_errno(e, "rootfs %s", spec.rootfs);
    for (size_t i = 0; i < spec.mounts_count; i++) {
        if (lies_on_another(&spec, i))
            continue;
        bool directory = wants_directory(&spec.mounts[i], container->bundle, arena);
        AUTO_CLOSE int fd = rootfs_make(root, spec.mounts[i].destination, directory, arena, e);
        if (fd < 0)
            return fail_in(e, "container %s: mount point", container->id);
    }
    return 0;
}
