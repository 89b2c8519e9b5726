#include "engine/remove.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/names.h"
#include "engine/rootfs.h"
#include "engine/volumes.h"

static void remove_anonymous_volumes(struct container *container)
{
    size_t i;
    json_t *mount;
    json_array_foreach (json_object_get(container->config, "MountPoints"), i, mount) {
        struct error ignored = {0};
        const char *name = json_text(mount, "Name");
        if (*name && volume_is_anonymous(container->engine, name))
            engine_volume_remove(container->engine, name, true, &ignored);
    }
}

/* exec/ID are links to the container's id; its execs/ tells which are its own. */
static void remove_exec_links(struct container *container)
{
    struct error ignored = {0};
    int fd = open_directory_at(container->dir, "execs", false, &ignored);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[ENGINE_ID_SIZE + 16];
        if (!ends_with(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof(path), "exec/%.64s", entry->d_name);
        unlinkat(container->engine->root, path, 0);
    }
}

int container_remove(struct container *container, bool volumes, struct error *e)
{
    char path[ENGINE_ID_SIZE + 16];
    if (container->lock < 0 && container_lock(container, e) < 0)
        return -1;
    if (container_is_running(container))
        return fail(e, EBUSY,
                    "You cannot remove a running container %s. Stop the container before "
                    "attempting removal or force remove",
                    container->id);
    remove_exec_links(container);
    name_release(container->engine, container_name(container), container->id);
    snprintf(path, sizeof(path), "containers/%s", container->id);
    int result = discard(container->engine, path, e);
    if (result == 0 && volumes)
        remove_anonymous_volumes(container);
    return result;
}
