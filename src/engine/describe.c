#include "engine/describe.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/engine.h"
#include "engine/image.h"
#include "engine/log_file.h"
#include "engine/rootfs.h"

json_t *describe_networks(const struct container *container)
{
    const char *mode = json_text(json_object_get(container->config, "HostConfig"), "NetworkMode");
    const char *name = strcmp(mode, "default") == 0 ? "bridge" : mode;
    return json_pack("{s:{s:n, s:n, s:n, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:s, s:n}}", name,
                     "IPAMConfig", "Links", "Aliases", "NetworkID", "", "EndpointID", "", "Gateway",
                     "", "IPAddress", "", "IPPrefixLen", 0, "IPv6Gateway", "", "GlobalIPv6Address",
                     "", "GlobalIPv6PrefixLen", 0, "MacAddress", "", "DriverOpts");
}

static long long size_of_tree(char *path)
{
    char *paths[] = {path, NULL};
    long long size = 0;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));) {
        if (entry->fts_info == FTS_F)
            size += entry->fts_statp->st_size;
    }
    if (tree)
        fts_close(tree);
    return size;
}

void describe_sizes(const struct container *container, json_t *object)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_IMAGE struct image image = {0};
    struct error ignored = {0};
    bool overlay = rootfs_driver(container)->mount != NULL;
    long long own = size_of_tree(container_path(container, arena, overlay ? "upper" : "rootfs"));
    long long shared =
        image_find(&image, container->engine, json_text(container->config, "Image"), &ignored) == 0
            ? image_size(container->engine, &image)
            : 0;
    json_object_set_new(object, "SizeRw", json_integer(overlay ? own : 0));
    json_object_set_new(object, "SizeRootFs", json_integer(overlay ? own + shared : own));
}

static json_t *state_of(const struct container *container)
{
    json_t *state = container->state;
    bool running = container_is_running(container);
    json_t *described = json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:s, s:s, s:s}", "Status",
        container_status(container), "Running", running, "Paused",
        strcmp(container_status(container), "paused") == 0, "Restarting", false, "OOMKilled",
        json_truth(state, "OOMKilled"), "Dead", false, "Pid", json_number(state, "Pid"), "ExitCode",
        json_number(state, "ExitCode"), "Error", json_text(state, "Error"), "StartedAt",
        json_text(state, "StartedAt"), "FinishedAt", json_text(state, "FinishedAt"));
    if (*json_text(state, "Checkpointed"))
        json_object_set(described, "Checkpointed", json_object_get(state, "Checkpointed"));
    return described;
}

static json_t *network_settings_of(const struct container *container)
{
    return json_pack("{s:s, s:s, s:b, s:{}, s:s, s:n, s:n, s:s, s:s, s:s, s:s, s:i, s:s, s:o}",
                     "Bridge", "", "SandboxID", "", "HairpinMode", false, "Ports", "SandboxKey", "",
                     "SecondaryIPAddresses", "SecondaryIPv6Addresses", "EndpointID", "", "Gateway",
                     "", "IPAddress", "", "MacAddress", "", "IPPrefixLen", 0, "IPv6Gateway", "",
                     "Networks", describe_networks(container));
}

static json_t *exec_ids_of(const struct container *container)
{
    json_t *ids = json_object_get(container->state, "ExecIDs");
    return json_is_array(ids) && json_array_size(ids) ? json_incref(ids) : json_null();
}

json_t *engine_container_inspect(struct engine *engine, const char *ref, bool size, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char log[ENGINE_ID_SIZE + 16];
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return NULL;
    log_file_name(&container, log);
    json_t *config = container.config;
    json_t *described = json_pack(
        "{s:s, s:s, s:s, s:O, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s,"
        " s:o, s:O, s:o, s:O, s:O, s:o}",
        "Id", container.id, "Created", json_text(config, "Created"), "Path",
        json_text(config, "Path"), "Args", json_object_get(config, "Args"), "State",
        state_of(&container), "Image", json_text(config, "Image"), "ResolvConfPath",
        container_path(&container, arena, "resolv.conf"), "HostnamePath",
        container_path(&container, arena, "hostname"), "HostsPath",
        container_path(&container, arena, "hosts"), "LogPath",
        container_path(&container, arena, log), "Name",
        arena_printf(arena, "/%s", container_name(&container)), "RestartCount", 0, "Driver",
        json_text(config, "Driver"), "Platform", "linux", "MountLabel", "", "ProcessLabel", "",
        "AppArmorProfile", "", "ExecIDs", exec_ids_of(&container), "HostConfig",
        json_object_get(config, "HostConfig"), "GraphDriver", rootfs_describe(&container), "Mounts",
        json_object_get(config, "MountPoints"), "Config", json_object_get(config, "Config"),
        "NetworkSettings", network_settings_of(&container));
    if (!described)
        fail(e, EIO, "container %s: its record is incomplete", container.id);
    else if (size)
        describe_sizes(&container, described);
    return described;
}
