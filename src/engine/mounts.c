#include "engine/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/volumes.h"

/* `dst` in the container: absolute, without `..`, and not the root itself. */
static int check_destination(const char *path, struct error *e)
{
    if (*path != '/')
        return fail(e, EINVAL, "invalid mount path: '%.200s' mount path must be absolute", path);
    if (strstr(path, "/../") || ends_with(path, "/.."))
        return fail(e, EINVAL, "invalid mount path: '%.200s' leaves the container", path);
    if (path[strspn(path, "/")] == 0)
        return fail(e, EINVAL, "invalid specification: destination can't be '/'");
    return 0;
}

static json_t *new_mount(const char *type, const char *name, const char *source,
                         const char *destination, const char *mode, bool writable,
                         const char *propagation)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "Type", type, "Name", name,
                     "Source", source, "Destination", destination, "Driver",
                     strcmp(type, "volume") == 0 ? "local" : "", "Mode", mode, "RW", writable,
                     "Propagation", propagation);
}

/* A later mount of the same place takes the place of an earlier one. */
static void put(json_t *mounts, json_t *mount)
{
    size_t i;
    json_t *old;
    json_array_foreach (mounts, i, old) {
        if (strcmp(json_text(old, "Destination"), json_text(mount, "Destination")) == 0) {
            json_array_set_new(mounts, i, mount);
            return;
        }
    }
    json_array_append_new(mounts, mount);
}

static int add_volume(struct engine *engine, json_t *mounts, const char *name,
                      const char *destination, const char *mode, bool writable, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char random[ENGINE_ID_SIZE];
    bool anonymous = !*name;
    if (anonymous) {
        write_random_id(random);
        name = random;
    }
    const char *source = volume_ensure(engine, arena, name, anonymous, e);
    if (!source)
        return -1;
    put(mounts, new_mount("volume", name, source, destination, mode, writable, ""));
    return 0;
}

static const char *propagation_in(const char *options)
{
    static const char *const kinds[] = {"rshared", "rslave", "shared", "slave", "private"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strstr(options, kinds[i]))
            return kinds[i];
    }
    return "rprivate";
}

static bool has_option(const char *options, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *at = options; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        if (strcspn(at, ",") == length && strncmp(at, wanted, length) == 0)
            return true;
    }
    return false;
}

/* SOURCE:DESTINATION[:OPTIONS], or DESTINATION alone for a volume without a name. */
static int add_bind(struct engine *engine, json_t *mounts, const char *bind, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char *source = arena_strdup(arena, bind), *destination = strchr(source, ':');
    const char *options = "";
    if (!destination)
        return check_destination(source, e) < 0
                   ? -1
                   : add_volume(engine, mounts, "", source, "", true, e);
    *destination++ = 0;
    char *colon = strchr(destination, ':');
    if (colon) {
        *colon = 0;
        options = colon + 1;
    }
    if (!*source || strchr(options, ':'))
        return fail(e, EINVAL, "invalid volume specification: '%.200s'", bind);
    if (check_destination(destination, e) < 0)
        return -1;
    bool writable = !has_option(options, "ro");
    if (*source != '/')
        return add_volume(engine, mounts, source, destination, options, writable, e);
    struct stat st;
    if (stat(source, &st) < 0 && make_directories_at(AT_FDCWD, source, 0755, e) < 0)
        return fail_in(e, "bind mount %s", source);
    put(mounts,
        new_mount("bind", "", source, destination, options, writable, propagation_in(options)));
    return 0;
}

static int add_mount(struct engine *engine, json_t *mounts, const json_t *mount, struct error *e)
{
    const char *type = json_text(mount, "Type"), *source = json_text(mount, "Source");
    const char *target = json_text(mount, "Target");
    bool writable = !json_truth(mount, "ReadOnly");
    struct stat st;
    if (check_destination(target, e) < 0)
        return -1;
    if (strcmp(type, "volume") == 0)
        return add_volume(engine, mounts, source, target, writable ? "z" : "ro", writable, e);
    if (strcmp(type, "tmpfs") == 0) {
        put(mounts, new_mount("tmpfs", "", "", target, "", writable, ""));
        return 0;
    }
    if (strcmp(type, "bind") != 0)
        return fail(e, EINVAL, "invalid mount config: mount type unknown: \"%.50s\"", type);
    if (*source != '/')
        return fail(e, EINVAL,
                    "invalid mount config for type \"bind\": invalid mount path: '%.200s' mount "
                    "path must be absolute",
                    source);
    json_t *options = json_object_get(mount, "BindOptions");
    if (stat(source, &st) < 0 && json_truth(options, "CreateMountpoint"))
        make_directories_at(AT_FDCWD, source, 0755, e);
    if (stat(source, &st) < 0)
        return fail(e, EINVAL,
                    "invalid mount config for type \"bind\": bind source path does not exist: %s",
                    source);
    const char *propagation = json_text(options, "Propagation");
    put(mounts, new_mount("bind", "", source, target, writable ? "" : "ro", writable,
                          *propagation ? propagation : "rprivate"));
    return 0;
}

static bool has_destination(const json_t *mounts, const char *destination)
{
    size_t i;
    json_t *mount;
    json_array_foreach (mounts, i, mount) {
        if (strcmp(json_text(mount, "Destination"), destination) == 0)
            return true;
    }
    return false;
}

static int plan(struct engine *engine, json_t *mounts, const json_t *config,
                const json_t *host_config, struct error *e)
{
    size_t i;
    json_t *item;
    const char *destination;
    if (json_check_strings(json_object_get(host_config, "Binds"), "Binds", e) < 0)
        return -1;
    json_array_foreach (json_object_get(host_config, "Binds"), i, item) {
        if (add_bind(engine, mounts, json_string_value(item), e) < 0)
            return -1;
    }
    json_array_foreach (json_object_get(host_config, "Mounts"), i, item) {
        if (add_mount(engine, mounts, item, e) < 0)
            return -1;
    }
    json_object_foreach (json_object_get(config, "Volumes"), destination, item) {
        if (check_destination(destination, e) < 0)
            return -1;
        if (!has_destination(mounts, destination) &&
            !json_object_get(json_object_get(host_config, "Tmpfs"), destination) &&
            add_volume(engine, mounts, "", destination, "", true, e) < 0)
            return -1;
    }
    return 0;
}

json_t *mounts_plan(struct engine *engine, const json_t *config, const json_t *host_config,
                    struct error *e)
{
    json_t *mounts = json_array();
    if (plan(engine, mounts, config, host_config, e) == 0)
        return mounts;
    json_decref(mounts);
    return NULL;
}

/* size= and mode= of a --mount type=tmpfs. */
static json_t *tmpfs_options(const json_t *host_config, const json_t *point)
{
    json_t *options = json_pack("[s, s]", "nosuid", "nodev"), *mount;
    char text[40];
    size_t i;
    json_array_foreach (json_object_get(host_config, "Mounts"), i, mount) {
        json_t *wanted = json_object_get(mount, "TmpfsOptions");
        if (strcmp(json_text(mount, "Target"), json_text(point, "Destination")) != 0)
            continue;
        if (json_number(wanted, "SizeBytes") > 0) {
            snprintf(text, sizeof(text), "size=%lld", (long long)json_number(wanted, "SizeBytes"));
            json_array_append_new(options, json_string(text));
        }
        if (json_number(wanted, "Mode") > 0) {
            snprintf(text, sizeof(text), "mode=%o", (unsigned)json_number(wanted, "Mode"));
            json_array_append_new(options, json_string(text));
        }
    }
    if (!json_truth(point, "RW"))
        json_array_append_new(options, json_string("ro"));
    return options;
}

static void append_tmpfs(json_t *mounts, const char *destination, json_t *options)
{
    json_array_append_new(mounts,
                          json_pack("{s:s, s:s, s:s, s:o}", "destination", destination, "type",
                                    "tmpfs", "source", "tmpfs", "options", options));
}

/* HostConfig.Tmpfs: {"/run": "rw,noexec,size=65536k"} */
static int append_tmpfs_of_config(json_t *mounts, const json_t *tmpfs, struct error *e)
{
    const char *destination;
    json_t *given;
    json_object_foreach ((json_t *)tmpfs, destination, given) {
        AUTO_ARENA struct arena *arena = arena_new();
        json_t *options = json_pack("[s, s, s]", "noexec", "nosuid", "nodev");
        if (!json_is_string(given) || check_destination(destination, e) < 0) {
            json_decref(options);
            return e->code ? -1 : fail(e, EINVAL, "Tmpfs: options are not text");
        }
        char *rest = arena_strdup(arena, json_string_value(given));
        for (char *option; (option = strsep(&rest, ","));) {
            if (*option && strcmp(option, "rw") != 0)
                json_array_append_new(options, json_string(option));
        }
        append_tmpfs(mounts, destination, options);
    }
    return 0;
}

int mounts_append_oci(json_t *mounts, const json_t *mount_points, const json_t *host_config,
                      struct error *e)
{
    size_t i;
    json_t *point;
    if (append_tmpfs_of_config(mounts, json_object_get(host_config, "Tmpfs"), e) < 0)
        return -1;
    json_array_foreach (mount_points, i, point) {
        const char *propagation = json_text(point, "Propagation");
        if (strcmp(json_text(point, "Type"), "tmpfs") == 0) {
            append_tmpfs(mounts, json_text(point, "Destination"),
                         tmpfs_options(host_config, point));
            continue;
        }
        json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:[s, s, s]}", "destination",
                                                json_text(point, "Destination"), "type", "bind",
                                                "source", json_text(point, "Source"), "options",
                                                "rbind", json_truth(point, "RW") ? "rw" : "ro",
                                                *propagation ? propagation : "rprivate"));
    }
    return 0;
}
