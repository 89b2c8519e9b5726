/* Overlay: the layers are shared, the container owns an upper directory. Documentation/
 * filesystems/overlayfs.rst of the kernel.
 *
 * Every container is mounted at the same place, `merged` of the data root: each monitor sees its
 * own there. A mount point inside the container's record would have to be unmounted for its
 * removal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/layer_tar.h"
#include "engine/rootfs.h"

static int make_directory(int dir, const char *path, mode_t mode, struct error *e)
{
    return mkdirat(dir, path, mode) < 0 && errno != EEXIST ? fail_errno(e, "%s", path) : 0;
}

static int overlay_create(struct container *container, struct error *e)
{
    int dir = container->dir;
    if (remove_tree_at(dir, "upper", e) < 0 || remove_tree_at(dir, "work", e) < 0 ||
        make_directory(dir, "upper", 0755, e) < 0 || make_directory(dir, "work", 0700, e) < 0 ||
        make_directory(container->engine->root, "merged", 0755, e) < 0)
        return fail_in(e, "container %s", container->id);
    return fchmodat(dir, "upper", 0755, 0) < 0 ? fail_errno(e, "upper") : 0;
}

/* mount(2) takes one page of options: relative names leave room for a hundred layers, and no
 * character of the data root's path can be taken for a separator. The upper directory must hold all
 * that a checkpoint keeps of it: nothing that points into other layers, whatever the kernel was
 * told to do by default. */
static int write_options(const struct container *container, char *options, size_t size,
                         struct error *e)
{
    int used = snprintf(options, size,
                        "redirect_dir=off,metacopy=off,"
                        "upperdir=../containers/%s/upper,workdir=../containers/%s/work,lowerdir=",
                        container->id, container->id);
    json_t *layers = json_object_get(container->config, "Layers"), *key;
    size_t i, count = json_array_size(layers);
    json_array_foreach (layers, i, key) {
        used += snprintf(options + used, size - (size_t)used, "%s%s", i ? ":" : "",
                         json_string_value(key));
        if ((size_t)used >= size)
            return fail(e, E2BIG, "overlay: %zu layers are too many", count);
    }
    return 0;
}

static int overlay_mount(struct container *container, struct error *e)
{
    char options[4000];
    AUTO_CLOSE int layers = open_directory_at(container->engine->root, "layers", false, e);
    AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (layers < 0 || write_options(container, options, sizeof(options), e) < 0)
        return -1;
    if (fchdir(layers) < 0)
        return fail_errno(e, "layers");
    int result = mount("overlay", "../merged", "overlay", 0, options);
    if (result < 0)
        fail_errno(e, "overlay: cannot mount the root file system");
    if (here < 0 || fchdir(here) < 0)
        result = chdir("/");
    return result;
}

static char *overlay_path(const struct container *container, struct arena *arena)
{
    return arena_printf(arena, "%s/merged", container->engine->data_root);
}

static int overlay_save_changes(struct container *container, int dir, const char *path,
                                struct error *e)
{
    AUTO_CLOSE int upper = open_directory_at(container->dir, "upper", false, e);
    return upper < 0 ? -1 : layer_tar_write_upper(upper, dir, path, e);
}

static int overlay_apply_changes(struct container *container, int tar, struct error *e)
{
    AUTO_CLOSE int upper = open_directory_at(container->dir, "upper", false, e);
    return upper < 0 ? -1 : layer_tar_extract(tar, upper, WHITEOUTS_AS_OVERLAY, e);
}

const struct storage_driver overlay_driver = {
    .name = "overlay2",
    .path = overlay_path,
    .create = overlay_create,
    .mount = overlay_mount,
    .save_changes = overlay_save_changes,
    .apply_changes = overlay_apply_changes,
};
