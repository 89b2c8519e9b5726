/* docker save: manifest.json, repositories, one configuration per image, one tar per layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/layer_tar.h"
#include "engine/reference.h"

struct save {
    struct engine *engine;
    struct arena *arena;
    struct layer_writer *writer;
    json_t *index;        /* names of all images */
    json_t *manifest;     /* array of images */
    json_t *layers;       /* those written already, as keys */
    json_t *repositories; /* names that were written */
};

static int save_layer(struct save *save, const char *diff_id, const char *path, struct error *e)
{
    if (json_object_get(save->layers, diff_id))
        return 0;
    if (layer_copy_tar(save->engine, diff_id, save->writer, path, e) < 0)
        return fail_in(e, "layer %s", diff_id);
    return json_object_set_new(save->layers, diff_id, json_true());
}

/* The entry of this image in the manifest, or a new one with its files written. */
static json_t *save_image_once(struct save *save, const struct image *image, struct error *e)
{
    size_t i, size;
    json_t *entry, *layer;
    char *config = arena_printf(save->arena, "%s.json", image->id + 7);
    json_array_foreach (save->manifest, i, entry) {
        if (strcmp(json_text(entry, "Config"), config) == 0)
            return entry;
    }
    char *text = read_file_at(save->engine->root, arena_printf(save->arena, "images/%s", config),
                              save->arena, &size, e);
    if (!text || layer_writer_add_bytes(save->writer, config, text, size, e) < 0)
        return NULL;
    json_t *paths = json_array();
    entry = json_pack("{s:s, s:[], s:o}", "Config", config, "RepoTags", "Layers", paths);
    json_array_append_new(save->manifest, entry);
    json_array_foreach (image_layers(image), i, layer) {
        const char *diff_id = json_string_value(layer);
        char *path = arena_printf(save->arena, "%s/layer.tar", diff_id + 7);
        json_array_append_new(paths, json_string(path));
        if (save_layer(save, diff_id, path, e) < 0)
            return NULL;
    }
    return entry;
}

/* The old directory of names, beside the manifest: {"repository": {"tag": id of the top layer}}. */
static void note_repository(struct save *save, const struct image *image, const char *name)
{
    size_t length = (size_t)reference_repository_length(name);
    const char *repository = arena_strndup(save->arena, name, length);
    json_t *layers = image_layers(image), *tags = json_object_get(save->repositories, repository);
    const char *top = json_string_value(json_array_get(layers, json_array_size(layers) - 1));
    if (!tags) {
        tags = json_object();
        json_object_set_new(save->repositories, repository, tags);
    }
    if (top)
        json_object_set_new(tags, name + length + 1, json_string(top + 7));
}

static int save_image(struct save *save, const char *ref, struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    struct error ignored = {0};
    if (image_find(&image, save->engine, ref, e) < 0)
        return -1;
    json_t *entry = save_image_once(save, &image, e);
    if (!entry)
        return -1;
    const char *name = reference_normal(save->arena, ref, &ignored);
    const char *id = name ? json_text(save->index, name) : "";
    json_t *tags = json_object_get(entry, "RepoTags"), *tag;
    size_t i;
    json_array_foreach (tags, i, tag) {
        if (name && strcmp(json_string_value(tag), name) == 0)
            return 0;
    }
    if (strcmp(id, image.id) != 0)
        return 0;
    json_array_append_new(tags, json_string(name));
    note_repository(save, &image, name);
    return 0;
}

/* A repository without a tag means all its tags. */
static json_t *expand(struct save *save, const json_t *references)
{
    json_t *all = json_array(), *ref, *id;
    size_t i;
    json_array_foreach (references, i, ref) {
        struct error ignored = {0};
        const char *text = json_string_value(ref), *name;
        const char *normal = reference_normal(save->arena, text, &ignored);
        size_t before = json_array_size(all);
        int length = normal ? reference_repository_length(normal) : 0;
        json_object_foreach (save->index, name, id) {
            if (normal && !reference_has_tag(text) && reference_repository_length(name) == length &&
                strncmp(name, normal, (size_t)length) == 0)
                json_array_append_new(all, json_string(name));
        }
        if (json_array_size(all) == before)
            json_array_append(all, ref);
    }
    return all;
}

static int save_json(struct save *save, const char *path, const json_t *json, struct error *e)
{
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        return fail(e, EIO, "%s cannot be written", path);
    return layer_writer_add_bytes(save->writer, path, text, strlen(text), e);
}

static int save_all(struct save *save, const json_t *references, struct error *e)
{
    size_t i;
    json_t *ref;
    json_array_foreach (references, i, ref) {
        if (save_image(save, json_string_value(ref), e) < 0)
            return -1;
    }
    if (json_object_size(save->repositories) &&
        save_json(save, "repositories", save->repositories, e) < 0)
        return -1;
    return save_json(save, "manifest.json", save->manifest, e);
}

/* A name that does not exist is told before the first byte goes out. */
static int check_references(struct engine *engine, const json_t *references, struct error *e)
{
    size_t i;
    json_t *ref;
    if (json_is_empty(references))
        return fail(e, EINVAL, "no image is given");
    json_array_foreach (references, i, ref) {
        AUTO_IMAGE struct image image = {0};
        if (image_find(&image, engine, json_string_value(ref), e) < 0)
            return -1;
    }
    return 0;
}

int engine_image_save(struct engine *engine, const json_t *references, int tar, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (json_check_strings(references, "images", e) < 0)
        return -1;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return -1;
    json_auto_t *manifest = json_array();
    json_auto_t *layers = json_object();
    json_auto_t *repositories = json_object();
    struct save save = {.engine = engine,
                        .arena = arena,
                        .index = index,
                        .manifest = manifest,
                        .layers = layers,
                        .repositories = repositories};
    json_auto_t *all = expand(&save, references);
    if (check_references(engine, all, e) < 0)
        return -1;
    save.writer = layer_writer_open(tar, e);
    if (!save.writer)
        return -1;
    if (save_all(&save, all, e) < 0) {
        layer_writer_drop(save.writer);
        return fail_in(e, "save");
    }
    return layer_writer_close(save.writer, e);
}
