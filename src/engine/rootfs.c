#include "engine/rootfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/* File systems that overlayfs refuses as an upper layer, or serves badly. */
static bool cannot_be_upper(int root)
{
    struct statfs fs;
    if (fstatfs(root, &fs) < 0)
        return false;
    switch ((unsigned)fs.f_type) {
    case OVERLAYFS_SUPER_MAGIC:
    case NFS_SUPER_MAGIC:
    case MSDOS_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case ECRYPTFS_SUPER_MAGIC:
        return true;
    default:
        return false;
    }
}

const char *rootfs_choose_driver(int root, const char *wanted, struct error *e)
{
    if (!wanted || !*wanted)
        return cannot_be_upper(root) ? vfs_driver.name : overlay_driver.name;
    if (strcmp(wanted, "overlay") == 0 || strcmp(wanted, overlay_driver.name) == 0)
        return overlay_driver.name;
    if (strcmp(wanted, vfs_driver.name) == 0)
        return vfs_driver.name;
    fail(e, EINVAL, "storage driver '%.100s' is not one of overlay, vfs", wanted);
    return NULL;
}

const struct storage_driver *rootfs_driver(const struct container *container)
{
    return strcmp(json_text(container->config, "Driver"), vfs_driver.name) == 0 ? &vfs_driver
                                                                                : &overlay_driver;
}

int rootfs_create(struct container *container, struct error *e)
{
    return rootfs_driver(container)->create(container, e);
}

char *rootfs_path(const struct container *container, struct arena *arena)
{
    return rootfs_driver(container)->path(container, arena);
}

int rootfs_mount(struct container *container, struct error *e)
{
    const struct storage_driver *driver = rootfs_driver(container);
    return driver->mount ? driver->mount(container, e) : 0;
}

static json_t *describe_overlay(const struct container *container, struct arena *arena)
{
    const char *lower = "";
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(container->config, "Layers"), i, key)
        lower = arena_printf(arena, "%s%s%s/layers/%s", lower, i ? ":" : "",
                             container->engine->data_root, json_string_value(key));
    return json_pack("{s:s, s:s, s:s, s:s}", "LowerDir", lower, "MergedDir",
                     rootfs_path(container, arena), "UpperDir",
                     container_path(container, arena, "upper"), "WorkDir",
                     container_path(container, arena, "work"));
}

json_t *rootfs_describe(const struct container *container)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct storage_driver *driver = rootfs_driver(container);
    json_t *data = driver->mount ? describe_overlay(container, arena) : json_null();
    return json_pack("{s:s, s:o}", "Name", driver->name, "Data", data);
}
