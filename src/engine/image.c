#include "engine/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/reference.h"

int image_lock(const struct engine *engine, struct error *e)
{
    return lock_file_at(engine->root, "images/lock", LOCK_WAIT, e);
}

json_t *image_index(struct engine *engine, struct error *e)
{
    json_t *index = json_read_at(engine->root, "images/index.json", e);
    if (index || e->code != ENOENT)
        return index;
    e->code = 0;
    return json_object();
}

int image_set_names(struct engine *engine, const json_t *names, const char *id, struct error *e)
{
    size_t i;
    json_t *name;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return -1;
    json_array_foreach (names, i, name) {
        if (id)
            json_object_set_new(index, json_string_value(name), json_string(id));
        else
            json_object_del(index, json_string_value(name));
    }
    return json_replace_at(engine->root, "images/index.json", index, e);
}

/* Removed in the meantime or damaged; anything else says nothing about the image. */
static bool is_no_image(const struct error *e)
{
    return e->code == ENOENT || e->code == EIO || e->code == EINVAL;
}

int image_for_each(struct engine *engine, image_visitor *visit, void *context, struct error *e)
{
    int fd = open_directory_at(engine->root, "images", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char id[DIGEST_SIZE];
        AUTO_IMAGE struct image image = {0};
        struct error problem = {0};
        if (strlen(entry->d_name) != 64 + strlen(".json"))
            continue;
        snprintf(id, sizeof(id), "sha256:%.64s", entry->d_name);
        if (!is_digest(id))
            continue;
        if (image_read(&image, engine, id, &problem) == 0) {
            visit(context, &image);
        } else if (!is_no_image(&problem)) {
            *e = problem;
            return -1;
        }
    }
    return 0;
}

/* An id may be shortened; a name may not. */
static int find_by_prefix(struct engine *engine, const char *prefix, char id[DIGEST_SIZE],
                          struct error *e)
{
    int fd = open_directory_at(engine->root, "images", false, e), found = 0;
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            strlen(entry->d_name) != 64 + strlen(".json"))
            continue;
        found++;
        snprintf(id, DIGEST_SIZE, "sha256:%.64s", entry->d_name);
    }
    if (found > 1)
        return fail(e, EINVAL, "Multiple IDs found with provided prefix: %s", prefix);
    return found ? 0 : fail(e, ENOENT, "No such image: %s", prefix);
}

static int find_image(struct engine *engine, const char *ref, char id[DIGEST_SIZE], struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error ignored = {0};
    const char *digits = starts_with(ref, "sha256:") ? ref + 7 : ref;
    if (is_full_id(digits)) {
        snprintf(id, DIGEST_SIZE, "sha256:%s", digits);
        return 0;
    }
    if (strcmp(ref, "") == 0)
        return fail(e, EINVAL, "no image is given");
    const char *name = reference_normal(arena, ref, e);
    if (!name)
        return -1;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return -1;
    const char *found = json_string_value(json_object_get(index, name));
    if (found && is_digest(found)) {
        memcpy(id, found, DIGEST_SIZE);
        return 0;
    }
    if (is_hexadecimal(digits) && strlen(digits) <= 64 &&
        find_by_prefix(engine, digits, id, &ignored) == 0)
        return 0;
    return fail(e, ENOENT, "No such image: %s", name);
}

static int check_layers(const struct image *image, struct error *e)
{
    size_t i;
    json_t *layer;
    if (!json_is_array(image_layers(image)))
        return fail(e, EINVAL, "the image's configuration names no layers");
    json_array_foreach (image_layers(image), i, layer) {
        if (!json_is_string(layer) || !is_digest(json_string_value(layer)))
            return fail(e, EINVAL, "layer %zu has no valid id", i);
    }
    return 0;
}

int image_read(struct image *image, struct engine *engine, const char *id, struct error *e)
{
    char path[100];
    memset(image, 0, sizeof(*image));
    snprintf(image->id, sizeof(image->id), "%s", id);
    snprintf(path, sizeof(path), "images/%s.json", id + 7);
    image->config = json_read_at(engine->root, path, e);
    if (!image->config)
        return e->code == ENOENT ? fail(e, ENOENT, "No such image: %s", id) : -1;
    return check_layers(image, e) < 0 ? fail_in(e, "image %s", id) : 0;
}

bool image_exists(const struct engine *engine, const char *id)
{
    char path[100];
    snprintf(path, sizeof(path), "images/%.64s.json", is_digest(id) ? id + 7 : "");
    return faccessat(engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int image_find(struct image *image, struct engine *engine, const char *ref, struct error *e)
{
    char id[DIGEST_SIZE];
    memset(image, 0, sizeof(*image));
    return find_image(engine, ref, id, e) < 0 ? -1 : image_read(image, engine, id, e);
}

void image_release(struct image *image)
{
    json_decref(image->config);
    image->config = NULL;
}

json_t *image_layers(const struct image *image)
{
    return json_object_get(json_object_get(image->config, "rootfs"), "diff_ids");
}

long long image_size(const struct engine *engine, const struct image *image)
{
    long long size = 0;
    size_t i;
    json_t *layer;
    json_array_foreach (image_layers(image), i, layer)
        size += layer_size(engine, json_string_value(layer));
    return size;
}

json_t *image_names(const json_t *index, const char *id)
{
    json_t *names = json_array();
    const char *name;
    json_t *target;
    json_object_foreach ((json_t *)index, name, target) {
        if (json_is_string(target) && strcmp(json_string_value(target), id) == 0)
            json_array_append_new(names, json_string(name));
    }
    return names;
}

/* What others rely on without looking: the types of the parts that make a command line. */
static int check_config(const struct image *image, struct error *e)
{
    static const char *const lists[] = {"Cmd", "Entrypoint", "Env", "OnBuild", "Shell"};
    json_t *config = json_object_get(image->config, "config");
    if (!json_is_object(image->config) || (!json_is_object(config) && !json_is_empty(config)))
        return fail(e, EINVAL, "the image's configuration is not an object");
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        if (json_check_strings(json_object_get(config, lists[i]), lists[i], e) < 0)
            return fail_in(e, "the image's configuration");
    }
    return check_layers(image, e);
}

/* EAGAIN: a layer that was there has been removed in the meantime. */
static int publish_layers(struct engine *engine, const struct new_image *made,
                          const struct image *image, struct error *e)
{
    size_t i;
    json_t *layer;
    for (i = 0; i < made->draft_count; i++) {
        if (layer_publish(engine, &made->drafts[i], e) < 0)
            return fail_in(e, "layer %s", made->drafts[i].diff_id);
    }
    json_array_foreach (image_layers(image), i, layer) {
        if (!layer_exists(engine, json_string_value(layer)))
            return fail(e, EAGAIN, "layer %s has been removed", json_string_value(layer));
    }
    return 0;
}

int image_publish(struct engine *engine, const struct new_image *made, char id[DIGEST_SIZE],
                  struct error *e)
{
    char path[100];
    json_error_t parse;
    AUTO_IMAGE struct image image = {
        .config = json_loadb(made->config, made->size, JSON_REJECT_DUPLICATES, &parse)};
    if (!image.config)
        return fail(e, EINVAL, "the image's configuration: %s", parse.text);
    if (check_config(&image, e) < 0)
        return -1;
    digest_of(made->config, made->size, id);
    snprintf(path, sizeof(path), "images/%s.json", id + 7);
    AUTO_CLOSE int lock = image_lock(engine, e);
    if (lock < 0 || publish_layers(engine, made, &image, e) < 0 ||
        replace_file_at(engine->root, path, made->config, made->size, 0600, e) < 0)
        return -1;
    return json_is_empty(made->names) ? 0 : image_set_names(engine, made->names, id, e);
}
