/* vfs: every container has a whole copy of its image. Slow, and works everywhere. */
#include "engine/vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/layer_tar.h"
#include "engine/rootfs.h"

static int vfs_create(struct container *container, struct error *e)
{
    if (remove_tree_at(container->dir, "rootfs", e) < 0)
        return -1;
    AUTO_CLOSE int rootfs = open_directory_at(container->dir, "rootfs", true, e);
    if (rootfs < 0)
        return -1;
    if (fchmod(rootfs, 0755) < 0)
        return fail_errno(e, "rootfs");
    json_t *layers = json_object_get(container->config, "Layers");
    for (size_t i = json_array_size(layers); i-- > 0;) {
        char path[100];
        snprintf(path, sizeof(path), "layers/%.64s", json_string_value(json_array_get(layers, i)));
        AUTO_CLOSE int layer = open_directory_at(container->engine->root, path, false, e);
        if (layer < 0 || vfs_copy_layer(layer, rootfs, e) < 0)
            return fail_in(e, "container %s", container->id);
    }
    return 0;
}

static char *vfs_path(const struct container *container, struct arena *arena)
{
    return container_path(container, arena, "rootfs");
}

static int vfs_apply_changes(struct container *container, int tar, struct error *e)
{
    AUTO_CLOSE int rootfs = open_directory_at(container->dir, "rootfs", false, e);
    return rootfs < 0 ? -1 : layer_tar_extract(tar, rootfs, WHITEOUTS_REMOVE, e);
}

const struct storage_driver vfs_driver = {
    .name = "vfs",
    .path = vfs_path,
    .create = vfs_create,
    .save_changes = vfs_save_changes,
    .apply_changes = vfs_apply_changes,
};
