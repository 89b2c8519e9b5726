/* docker load: archives that `docker save` writes, and OCI layouts in a tar.
 *
 * The archive is unpacked beside, then read as the manifest says: its members come in any order. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/layer_tar.h"

struct load {
    struct engine *engine;
    int dir;
    struct arena *arena;
    json_t *loaded;
};

/* Names in the manifest are the archive's: they are followed inside the directory only. */
static int open_member(struct load *load, const char *path, struct error *e)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    struct stat st;
    AUTO_CLOSE int fd = (int)syscall(SYS_openat2, load->dir, path, &how, sizeof(how));
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(e, "%s", path);
    if (!S_ISREG(st.st_mode))
        return fail(e, EINVAL, "%s: not a file", path);
    return take_fd(&fd);
}

static char *read_member(struct load *load, const char *path, size_t *size, struct error *e)
{
    AUTO_CLOSE int fd = open_member(load, path, e);
    return fd < 0 ? NULL : read_fd_whole(fd, load->arena, size, e);
}

static json_t *read_json(struct load *load, const char *path, struct error *e)
{
    json_error_t parse;
    size_t size;
    char *text = read_member(load, path, &size, e);
    json_t *json = text ? json_loadb(text, size, 0, &parse) : NULL;
    if (text && !json)
        fail(e, EINVAL, "%s: %s", path, parse.text);
    return json;
}

static int load_layers(struct load *load, const json_t *diff_ids, const json_t *paths,
                       struct error *e)
{
    size_t i, count = json_array_size(diff_ids);
    if (!count || count != json_array_size(paths))
        return fail(e, EINVAL, "the manifest names %zu layers, the image has %zu",
                    json_array_size(paths), count);
    for (i = 0; i < count; i++) {
        char found[DIGEST_SIZE];
        const char *diff_id = json_string_value(json_array_get(diff_ids, i));
        const char *path = json_string_value(json_array_get(paths, i));
        if (!diff_id || !path || !is_digest(diff_id))
            return fail(e, EINVAL, "layer %zu has no valid id", i);
        if (layer_exists(load->engine, diff_id))
            continue;
        AUTO_CLOSE int tar = open_member(load, path, e);
        if (tar < 0 || layer_add(load->engine, tar, diff_id, found, e) < 0)
            return fail_in(e, "layer %s", path);
    }
    return 0;
}

/* Loads one image; `names` is an array of references or empty. */
static int load_image(struct load *load, const char *config_path, const json_t *layers,
                      const json_t *names, struct error *e)
{
    char id[DIGEST_SIZE];
    size_t size, i;
    json_error_t parse;
    json_t *name;
    char *text = read_member(load, config_path, &size, e);
    if (!text)
        return -1;
    json_auto_t *config = json_loadb(text, size, 0, &parse);
    if (!config)
        return fail(e, EINVAL, "%s: %s", config_path, parse.text);
    json_t *diff_ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
    if (load_layers(load, diff_ids, layers, e) < 0 ||
        image_store(load->engine, text, size, NULL, id, e) < 0)
        return -1;
    if (json_is_empty(names))
        json_array_append_new(load->loaded,
                              json_string(arena_printf(load->arena, "Loaded image ID: %s", id)));
    json_array_foreach(names, i, name)
    {
        const char *normal = json_is_string(name)
                                 ? image_normal_name(load->arena, json_string_value(name), e)
                                 : NULL;
        if (!normal)
            return e->code ? -1 : fail(e, EINVAL, "a name is not text");
        if (image_set_name(load->engine, normal, id, e) < 0)
            return -1;
        json_array_append_new(load->loaded,
                              json_string(arena_printf(load->arena, "Loaded image: %s", normal)));
    }
    return 0;
}

static int load_docker(struct load *load, const json_t *manifest, struct error *e)
{
    size_t i;
    json_t *image;
    json_array_foreach(manifest, i, image)
    {
        if (load_image(load, json_text(image, "Config"), json_object_get(image, "Layers"),
                       json_object_get(image, "RepoTags"), e) < 0)
            return -1;
    }
    return json_array_size(manifest) ? 0 : fail(e, EINVAL, "manifest.json names no image");
}

static const char *blob_path(struct load *load, const json_t *descriptor)
{
    const char *digest = json_text(descriptor, "digest");
    return is_digest(digest) ? arena_printf(load->arena, "blobs/sha256/%s", digest + 7) : NULL;
}

static int load_oci_manifest(struct load *load, const json_t *descriptor, struct error *e)
{
    const char *path = blob_path(load, descriptor);
    json_auto_t *manifest = path ? read_json(load, path, e) : NULL;
    if (!manifest)
        return path ? -1 : fail(e, EINVAL, "index.json: a manifest has no valid digest");
    json_auto_t *layers = json_array();
    json_auto_t *names = json_array();
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(manifest, "layers"), i, layer)
    {
        const char *blob = blob_path(load, layer);
        json_array_append_new(layers, json_string(blob ? blob : ""));
    }
    json_t *annotations = json_object_get(descriptor, "annotations");
    const char *name = json_text(annotations, "io.containerd.image.name");
    if (!*name)
        name = json_text(annotations, "org.opencontainers.image.ref.name");
    if (*name)
        json_array_append_new(names, json_string(name));
    const char *config = blob_path(load, json_object_get(manifest, "config"));
    return config ? load_image(load, config, layers, names, e)
                  : fail(e, EINVAL, "%s: no valid config", path);
}

static int load_oci(struct load *load, struct error *e)
{
    size_t i;
    json_t *descriptor;
    json_auto_t *index = read_json(load, "index.json", e);
    if (!index)
        return e->code == ENOENT ? fail(e, EINVAL, "neither manifest.json nor index.json in it")
                                 : -1;
    json_t *manifests = json_object_get(index, "manifests");
    json_array_foreach(manifests, i, descriptor)
    {
        if (load_oci_manifest(load, descriptor, e) < 0)
            return -1;
    }
    return json_array_size(manifests) ? 0 : fail(e, EINVAL, "index.json names no image");
}

static int load_unpacked(struct load *load, struct error *e)
{
    json_auto_t *manifest = read_json(load, "manifest.json", e);
    if (manifest)
        return load_docker(load, manifest, e);
    return e->code == ENOENT ? load_oci(load, e) : -1;
}

int engine_image_load(struct engine *engine, int tar, json_t **loaded, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char random[ENGINE_ID_SIZE], beside[80];
    struct error ignored = {0};
    write_random_id(random);
    snprintf(beside, sizeof(beside), "trash/%s", random);
    AUTO_CLOSE int dir = open_directory_at(engine->root, beside, true, e);
    if (dir < 0)
        return -1;
    json_auto_t *lines = json_array();
    struct load load = {engine, dir, arena, lines};
    int result = layer_tar_extract(tar, dir, WHITEOUTS_REMOVE, e);
    if (result == 0)
        result = load_unpacked(&load, e);
    remove_tree_at(engine->root, beside, &ignored);
    if (result < 0)
        return fail_in(e, "load");
    *loaded = json_incref(lines);
    return 0;
}
