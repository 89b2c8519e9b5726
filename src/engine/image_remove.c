/* docker rmi: a name goes first, the image with its last name, the layers that nothing needs then.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/reference.h"

struct removal {
    struct engine *engine;
    struct image image;
    json_t *names;              /* of the image */
    json_t *needed;             /* keys of layers that containers or other images need */
    char stopped[13], runs[13]; /* a container made of this image, by its state; "": none */
    json_t *report;
};

static bool is_running(const struct removal *removal, const char *id)
{
    char path[ENGINE_ID_SIZE + 40];
    struct error ignored = {0};
    snprintf(path, sizeof(path), "containers/%s/state.json", id);
    json_auto_t *state = json_read_at(removal->engine->root, path, &ignored);
    const char *status = json_text(state, "Status");
    snprintf(path, sizeof(path), "containers/%s/monitor.lock", id);
    return (strcmp(status, "running") == 0 || strcmp(status, "paused") == 0) &&
           lock_is_held_at(removal->engine->root, path);
}

/* What one container (record.h) needs. */
static int look_at_container(struct removal *removal, const char *id, struct error *e)
{
    char path[ENGINE_ID_SIZE + 40];
    struct error problem = {0};
    size_t i;
    json_t *key;
    snprintf(path, sizeof(path), "containers/%s/container.json", id);
    json_auto_t *record = json_read_at(removal->engine->root, path, &problem);
    if (!record && problem.code != ENOENT) {
        *e = problem;
        return -1;
    }
    json_array_foreach (json_object_get(record, "Layers"), i, key) {
        if (json_is_string(key))
            json_object_set_new(removal->needed, json_string_value(key), json_true());
    }
    if (strcmp(json_text(record, "Image"), removal->image.id) == 0)
        snprintf(is_running(removal, id) ? removal->runs : removal->stopped, 13, "%s", id);
    return 0;
}

static int look_at_containers(struct removal *removal, struct error *e)
{
    int fd = open_directory_at(removal->engine->root, "containers", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (is_full_id(entry->d_name) && look_at_container(removal, entry->d_name, e) < 0)
            return -1;
    }
    return 0;
}

static void note_layers(void *context, const struct image *image)
{
    struct removal *removal = context;
    size_t i;
    json_t *layer;
    json_array_foreach (image_layers(image), i, layer) {
        char key[LAYER_KEY_SIZE];
        layer_key(json_string_value(layer), key);
        json_object_set_new(removal->needed, key, json_true());
    }
}

/* Removes every layer that is not needed: also those that containers of images removed earlier
 * have left. */
static int remove_unneeded_layers(struct removal *removal, struct error *e)
{
    struct engine *engine = removal->engine;
    if (image_for_each(engine, note_layers, removal, e) < 0)
        return -1;
    int fd = open_directory_at(engine->root, "layers", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char key[LAYER_KEY_SIZE], path[80];
        snprintf(key, sizeof(key), "%s", entry->d_name);
        if (strcmp(entry->d_name + strlen(key), ".json") != 0 ||
            json_object_get(removal->needed, key))
            continue;
        snprintf(path, sizeof(path), "layers/%s", entry->d_name);
        json_auto_t *about = json_read_at(engine->root, path, e);
        if (!about || layer_remove(engine, key, e) < 0)
            return -1;
        json_array_append_new(removal->report,
                              json_pack("{s:s}", "Deleted", json_text(about, "DiffID")));
    }
    return 0;
}

static int untag(struct removal *removal, const json_t *names, struct error *e)
{
    size_t i;
    json_t *name;
    if (image_set_names(removal->engine, names, NULL, e) < 0)
        return -1;
    json_array_foreach (names, i, name)
        json_array_append_new(removal->report, json_pack("{s:O}", "Untagged", name));
    return 0;
}

static int delete_image(struct removal *removal, struct error *e)
{
    char path[100];
    if (untag(removal, removal->names, e) < 0)
        return -1;
    snprintf(path, sizeof(path), "images/%s.json", removal->image.id + 7);
    if (unlinkat(removal->engine->root, path, 0) < 0)
        return fail_errno(e, "image %s", removal->image.id);
    json_array_append_new(removal->report, json_pack("{s:s}", "Deleted", removal->image.id));
    discard_leftovers(removal->engine);
    return remove_unneeded_layers(removal, e);
}

/* A running container keeps its image whatever is forced. */
static int check_unused(const struct removal *removal, bool force, struct error *e)
{
    const char *id = removal->image.id + 7;
    if (*removal->runs)
        return fail(e, EBUSY,
                    "conflict: unable to delete %.12s (cannot be forced) - image is being used by "
                    "running container %s",
                    id, removal->runs);
    if (json_array_size(removal->names) > 1 && !force)
        return fail(e, EBUSY,
                    "conflict: unable to delete %.12s (must be forced) - image is referenced in "
                    "multiple repositories",
                    id);
    if (*removal->stopped && !force)
        return fail(e, EBUSY,
                    "conflict: unable to delete %.12s (must be forced) - image is being used by "
                    "stopped container %s",
                    id, removal->stopped);
    return 0;
}

static bool has_name(const json_t *names, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item) {
        if (name && strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static int remove_by_name(struct removal *removal, const char *ref, const char *name, bool force,
                          struct error *e)
{
    const char *user = *removal->runs ? removal->runs : removal->stopped;
    bool last = json_array_size(removal->names) == 1;
    if (last && *user && !force)
        return fail(e, EBUSY,
                    "conflict: unable to remove repository reference \"%s\" (must force) - "
                    "container %s is using its referenced image %.12s",
                    ref, user, removal->image.id + 7);
    /* The last name of an image in use can be forced away; the image stays, without a name. */
    if (!last || *removal->runs) {
        json_auto_t *one = json_pack("[s]", name);
        return untag(removal, one, e);
    }
    return delete_image(removal, e);
}

int engine_image_remove(struct engine *engine, const char *ref, bool force, json_t **report,
                        struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error ignored = {0};
    json_auto_t *steps = json_array();
    json_auto_t *needed = json_object();
    AUTO_CLOSE int lock = image_lock(engine, e);
    AUTO_IMAGE struct image image = {0};
    if (lock < 0 || image_find(&image, engine, ref, e) < 0)
        return -1;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return -1;
    json_auto_t *names = image_names(index, image.id);
    struct removal removal = {
        .engine = engine, .image = image, .names = names, .needed = needed, .report = steps};
    if (look_at_containers(&removal, e) < 0)
        return -1;
    const char *name = reference_normal(arena, ref, &ignored);
    int result = 0;
    if (has_name(names, name))
        result = remove_by_name(&removal, ref, name, force, e);
    else
        result = check_unused(&removal, force, e) < 0 ? -1 : delete_image(&removal, e);
    if (result == 0 && report)
        *report = json_incref(steps);
    return result;
}
