/* docker save: manifest.json, one configuration per image, one tar per layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/layer_tar.h"

struct save {
    struct engine *engine;
    struct arena *arena;
    struct layer_writer *writer;
    json_t *manifest; /* array of images */
    json_t *layers;   /* those written already, as keys */
};

static int save_layer(struct save *save, const char *diff_id, const char *path, struct error *e)
{
    long long size;
    if (json_object_get(save->layers, diff_id))
        return 0;
    AUTO_CLOSE int tar = layer_open_tar(save->engine, diff_id, &size, e);
    if (tar < 0 || layer_writer_add_stream(save->writer, path, tar, size, e) < 0)
        return fail_in(e, "layer %s", diff_id);
    return json_object_set_new(save->layers, diff_id, json_true());
}

/* The entry of this image in the manifest, or a new one with its files written. */
static json_t *save_image_once(struct save *save, const struct image *image, struct error *e)
{
    size_t i, size;
    json_t *entry, *layer;
    char *config = arena_printf(save->arena, "%s.json", image->id + 7);
    json_array_foreach(save->manifest, i, entry)
    {
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
    json_array_foreach(image_layers(image), i, layer)
    {
        const char *diff_id = json_string_value(layer);
        char *path = arena_printf(save->arena, "%s/layer.tar", diff_id + 7);
        json_array_append_new(paths, json_string(path));
        if (save_layer(save, diff_id, path, e) < 0)
            return NULL;
    }
    return entry;
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
    const char *name = image_normal_name(save->arena, ref, &ignored);
    json_auto_t *index = image_index(save->engine, e);
    if (name && json_object_get(index, name))
        json_array_append_new(json_object_get(entry, "RepoTags"), json_string(name));
    return 0;
}

static int save_all(struct save *save, const json_t *references, struct error *e)
{
    size_t i;
    json_t *ref;
    json_array_foreach(references, i, ref)
    {
        if (save_image(save, json_string_value(ref), e) < 0)
            return -1;
    }
    AUTO_FREE char *manifest = json_dumps(save->manifest, JSON_COMPACT);
    return layer_writer_add_bytes(save->writer, "manifest.json", manifest, strlen(manifest), e);
}

int engine_image_save(struct engine *engine, const json_t *references, int tar, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    size_t i;
    json_t *ref;
    if (!json_array_size(references) || json_check_strings(references, "images", e) < 0)
        return e->code ? -1 : fail(e, EINVAL, "no image is given");
    /* A name that does not exist is told before the first byte goes out. */
    json_array_foreach(references, i, ref)
    {
        AUTO_IMAGE struct image image = {0};
        if (image_find(&image, engine, json_string_value(ref), e) < 0)
            return -1;
    }
    json_auto_t *manifest = json_array();
    json_auto_t *layers = json_object();
    struct save save = {engine, arena, layer_writer_open(tar, e), manifest, layers};
    if (!save.writer)
        return -1;
    if (save_all(&save, references, e) < 0) {
        layer_writer_drop(save.writer);
        return fail_in(e, "save");
    }
    return layer_writer_close(save.writer, e);
}
