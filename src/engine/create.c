/* Making a container: what was asked and what the image says become one record. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/mounts.h"
#include "engine/names.h"
#include "engine/network_files.h"
#include "engine/record.h"
#include "engine/rootfs.h"

static void set_default(json_t *object, const char *key, json_t *value)
{
    json_t *old = json_object_get(object, key);
    if (old && !json_is_null(old))
        json_decref(value);
    else
        json_object_set_new(object, key, value);
}

/* Text, number or absence where the API wants text. */
static void set_default_text(json_t *object, const char *key, const char *value)
{
    if (!*json_text(object, key))
        json_object_set_new(object, key, json_string(value));
}

static bool names_variable(const json_t *env, const char *assignment)
{
    size_t i, length = strcspn(assignment, "=");
    json_t *other;
    json_array_foreach (env, i, other) {
        const char *text = json_string_value(other);
        if (strncmp(text, assignment, length) == 0 && (text[length] == '=' || !text[length]))
            return true;
    }
    return false;
}

/* Behind the container's own, the image's variables that it does not set itself. */
static json_t *merge_env(const json_t *image_env, json_t *env)
{
    json_t *merged = json_is_array(env) ? json_copy(env) : json_array(), *assignment;
    size_t i;
    json_array_foreach (image_env, i, assignment) {
        if (json_is_string(assignment) && !names_variable(env, json_string_value(assignment)))
            json_array_append(merged, assignment);
    }
    return merged;
}

static void merge_object(json_t *config, const json_t *image_config, const char *key)
{
    json_t *from_image = json_object_get(image_config, key);
    if (!json_is_object(from_image))
        return;
    json_t *merged = json_copy(from_image);
    json_object_update(merged, json_object_get(config, key));
    json_object_set_new(config, key, merged);
}

/* An entrypoint of the container's own makes the image's command meaningless. */
static void merge_command(json_t *config, const json_t *image_config)
{
    json_t *entrypoint = json_object_get(config, "Entrypoint");
    if (json_is_empty(entrypoint)) {
        bool cleared = json_is_array(entrypoint) && json_array_size(entrypoint) == 0;
        json_t *from_image = json_object_get(image_config, "Entrypoint");
        if (!cleared && !json_is_empty(from_image))
            json_object_set(config, "Entrypoint", from_image);
        json_t *command = json_object_get(image_config, "Cmd");
        if (json_is_empty(json_object_get(config, "Cmd")) && command)
            json_object_set(config, "Cmd", command);
    }
    json_t *first = json_array_get(json_object_get(config, "Entrypoint"), 0);
    if (json_is_string(first) && !json_string_length(first) &&
        json_array_size(json_object_get(config, "Entrypoint")) == 1)
        json_object_set_new(config, "Entrypoint", json_null());
}

static int merge_image(json_t *config, const json_t *image_config, struct error *e)
{
    static const char *const texts[] = {"User", "WorkingDir", "StopSignal"};
    static const char *const lists[] = {"Cmd", "Entrypoint", "Env"};
    for (size_t i = 0; i < 3; i++) {
        json_t *list = json_object_get(config, lists[i]);
        if (json_is_string(list)) /* a lone string is a list of one: Docker takes both */
            json_object_set_new(config, lists[i], json_pack("[O]", list));
        if (json_check_strings(json_object_get(config, lists[i]), lists[i], e) < 0 ||
            json_check_strings(json_object_get(image_config, lists[i]), lists[i], e) < 0)
            return -1;
        if (*json_text(image_config, texts[i]))
            set_default_text(config, texts[i], json_text(image_config, texts[i]));
    }
    merge_command(config, image_config);
    json_object_set_new(
        config, "Env",
        merge_env(json_object_get(image_config, "Env"), json_object_get(config, "Env")));
    merge_object(config, image_config, "Labels");
    merge_object(config, image_config, "ExposedPorts");
    merge_object(config, image_config, "Volumes");
    return 0;
}

static void complete_config(json_t *config, const json_t *host_config, const char *id)
{
    char hostname[13];
    struct {
        const char *key;
    } flags[] = {{"AttachStdin"}, {"AttachStdout"}, {"AttachStderr"},
                 {"Tty"},         {"OpenStdin"},    {"StdinOnce"}};
    char host[256] = "";
    snprintf(hostname, sizeof(hostname), "%.12s", id);
    gethostname(host, sizeof(host) - 1);
    bool is_host = strcmp(json_text(host_config, "NetworkMode"), "host") == 0;
    set_default_text(config, "Hostname", is_host ? host : hostname);
    set_default_text(config, "Domainname", "");
    set_default_text(config, "User", "");
    set_default_text(config, "WorkingDir", "");
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        set_default(config, flags[i].key, json_false());
    set_default(config, "Cmd", json_null());
    set_default(config, "Entrypoint", json_null());
    set_default(config, "Volumes", json_null());
    set_default(config, "Labels", json_object());
    set_default(config, "OnBuild", json_null());
}

static void complete_host_config(json_t *host_config)
{
    set_default_text(host_config, "NetworkMode", "default");
    set_default_text(host_config, "IpcMode", "private");
    set_default_text(host_config, "CgroupnsMode", "private");
    set_default_text(host_config, "PidMode", "");
    if (json_number(host_config, "ShmSize") <= 0)
        json_object_set_new(host_config, "ShmSize", json_integer(64 << 20));
    set_default(host_config, "Binds", json_null());
    set_default(host_config, "LogConfig", json_pack("{s:s, s:{}}", "Type", "json-file", "Config"));
    set_default(host_config, "RestartPolicy",
                json_pack("{s:s, s:i}", "Name", "no", "MaximumRetryCount", 0));
    set_default(host_config, "PortBindings", json_object());
    set_default(host_config, "Privileged", json_false());
    set_default(host_config, "ReadonlyRootfs", json_false());
    set_default(host_config, "AutoRemove", json_false());
    set_default(host_config, "CapAdd", json_null());
    set_default(host_config, "CapDrop", json_null());
    set_default(host_config, "SecurityOpt", json_null());
    set_default(host_config, "Memory", json_integer(0));
    set_default(host_config, "NanoCpus", json_integer(0));
}

/* What is not there yet is refused before anything exists. */
static int check_request(const json_t *config, const json_t *host_config, struct error *e)
{
    const char *network = json_text(host_config, "NetworkMode");
    if (json_truth(config, "Tty"))
        return fail(e, EINVAL, "terminals (-t) are not supported yet");
    if (*network && strcmp(network, "none") != 0 && strcmp(network, "host") != 0 &&
        strcmp(network, "bridge") != 0 && strcmp(network, "default") != 0)
        return fail(e, ENOENT, "network %.100s not found", network);
    json_int_t memory = json_number(host_config, "Memory");
    if (memory > 0 && memory < 6 << 20)
        return fail(e, EINVAL, "Minimum memory limit allowed is 6MB");
    if (json_number(host_config, "NanoCpus") < 0)
        return fail(e, EINVAL, "NanoCPUs must not be negative");
    return json_check_strings(json_object_get(host_config, "SecurityOpt"), "SecurityOpt", e);
}

/* Path and Args of inspect: the whole command line in two parts. */
static int set_command_line(json_t *record, const json_t *config, struct error *e)
{
    json_t *line = json_array();
    json_t *entrypoint = json_object_get(config, "Entrypoint");
    json_t *command = json_object_get(config, "Cmd");
    if (json_is_array(entrypoint))
        json_array_extend(line, entrypoint);
    if (json_is_array(command))
        json_array_extend(line, command);
    if (!json_array_size(line)) {
        json_decref(line);
        return fail(e, EINVAL, "no command specified");
    }
    json_object_set(record, "Path", json_array_get(line, 0));
    json_array_remove(line, 0);
    json_object_set_new(record, "Args", line);
    return 0;
}

/* Layers from the highest down, as overlayfs wants them. */
static json_t *layer_keys(const struct image *image)
{
    json_t *keys = json_array(), *diff_ids = image_layers(image);
    for (size_t i = json_array_size(diff_ids); i-- > 0;) {
        char key[LAYER_KEY_SIZE];
        layer_key(json_string_value(json_array_get(diff_ids, i)), key);
        json_array_append_new(keys, json_string(key));
    }
    return keys;
}

static json_t *make_record(struct engine *engine, const struct image *image, const json_t *body,
                           const char *id, struct error *e)
{
    char now[TIME_TEXT_SIZE];
    json_t *given = json_object_get(body, "HostConfig");
    json_auto_t *host_config = json_is_object(given) ? json_copy(given) : json_object();
    json_auto_t *config = json_copy((json_t *)body);
    json_object_del(config, "HostConfig");
    json_object_del(config, "NetworkingConfig");
    if (check_request(config, host_config, e) < 0 ||
        merge_image(config, json_object_get(image->config, "config"), e) < 0)
        return NULL;
    complete_config(config, host_config, id);
    complete_host_config(host_config);
    write_time_now(now);
    json_auto_t *record = json_pack("{s:s, s:s, s:s, s:O, s:O, s:s, s:o}", "Id", id, "Created", now,
                                    "Image", image->id, "Config", config, "HostConfig", host_config,
                                    "Driver", engine->driver, "Layers", layer_keys(image));
    if (set_command_line(record, config, e) < 0)
        return NULL;
    json_t *mounts = mounts_plan(engine, config, host_config, e);
    if (!mounts)
        return NULL;
    json_object_set_new(record, "MountPoints", mounts);
    return json_incref(record);
}

/* Makes the directory's content beside its place; the rename at the end makes it a container. */
static int fill_directory(struct container *container, struct error *e)
{
    static const char never[] = "0001-01-01T00:00:00Z";
    container->state =
        json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:b}", "Status", "created", "Pid", 0, "ExitCode",
                  0, "Error", "", "StartedAt", never, "FinishedAt", never, "OOMKilled", false);
    if (rootfs_create(container, e) < 0 || network_files_write(container, e) < 0)
        return -1;
    return container_write_state(container, e);
}

static int claim_name(struct container *container, const char *name, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (name && *name == '/')
        name++;
    if (name && *name) {
        if (name_claim(container->engine, name, container->id, e) < 0)
            return -1;
    } else if (!(name = name_claim_any(container->engine, arena, container->id, e))) {
        return -1;
    }
    json_object_set_new(container->config, "Name", json_string(name));
    return json_replace_at(container->dir, "container.json", container->config, e);
}

/* The name is claimed while its container is not in its place yet; the lock on `names` keeps
 * others from taking it for one left over. */
static int publish(struct container *container, const char *beside, const char *name,
                   struct error *e)
{
    char path[ENGINE_ID_SIZE + 16];
    struct engine *engine = container->engine;
    const char *image = json_text(container->config, "Image");
    AUTO_CLOSE int images = image_lock(engine, e);
    if (images < 0 || !image_exists(engine, image))
        return images < 0 ? -1 : fail(e, ENOENT, "No such image: %s", image);
    AUTO_CLOSE int lock = lock_file_at(engine->root, "names.lock", LOCK_WAIT, e);
    if (lock < 0 || claim_name(container, name, e) < 0)
        return -1;
    snprintf(path, sizeof(path), "containers/%s", container->id);
    if (renameat(engine->root, beside, engine->root, path) == 0)
        return 0;
    fail_errno(e, "container %s", container->id);
    name_release(engine, container_name(container), container->id);
    return -1;
}

int engine_container_create(struct engine *engine, const char *name, const json_t *body,
                            char id[ENGINE_ID_SIZE], json_t **warnings, struct error *e)
{
    char beside[ENGINE_ID_SIZE + 16];
    struct error ignored = {0};
    AUTO_IMAGE struct image image = {0};
    AUTO_CONTAINER struct container container = {.engine = engine, .dir = -1, .lock = -1};
    if (!json_is_object(body))
        return fail(e, EINVAL, "the container's configuration is not an object");
    if (image_find(&image, engine, json_text(body, "Image"), e) < 0)
        return -1;
    write_random_id(container.id);
    container.config = make_record(engine, &image, body, container.id, e);
    if (!container.config)
        return -1;
    snprintf(beside, sizeof(beside), "trash/%s", container.id);
    container.dir = open_directory_at(engine->root, beside, true, e);
    if (container.dir < 0)
        return -1;
    if (fill_directory(&container, e) < 0 || publish(&container, beside, name, e) < 0) {
        remove_tree_at(engine->root, beside, &ignored);
        return -1;
    }
    memcpy(id, container.id, ENGINE_ID_SIZE);
    if (warnings)
        *warnings = json_array();
    return 0;
}
