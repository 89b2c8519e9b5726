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
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/layer_tar.h"
#include "engine/reference.h"

/* More than any configuration or manifest needs. */
#define JSON_FILE_LIMIT (8 << 20)

struct load {
    struct engine *engine;
    int dir;
    struct arena *arena;
    json_t *loaded;
};

/* Names in the manifest are the archive's: they are followed inside the directory only. */
static int open_member(struct load *load, const char *path, struct error *e)
{
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
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
    struct stat st;
    AUTO_CLOSE int fd = open_member(load, path, e);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || st.st_size > JSON_FILE_LIMIT) {
        fail(e, EINVAL, "%s: too large", path);
        return NULL;
    }
    return read_fd_whole(fd, load->arena, size, e);
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

static int unpack_layer(struct load *load, const char *diff_id, const char *path,
                        struct layer_draft *draft, struct error *e)
{
    if (!diff_id || !path || !is_digest(diff_id))
        return fail(e, EINVAL, "it has no valid id");
    if (layer_exists(load->engine, diff_id))
        return 0;
    AUTO_CLOSE int tar = open_member(load, path, e);
    return tar < 0 ? -1 : layer_unpack(load->engine, tar, diff_id, draft, e);
}

static json_t *diff_ids_of(const json_t *config)
{
    return json_object_get(json_object_get(config, "rootfs"), "diff_ids");
}

/* Unpacks the layers that the store lacks, then publishes all at once. */
static int store_image(struct load *load, const json_t *diff_ids, const json_t *paths,
                       struct new_image *made, char id[DIGEST_SIZE], struct error *e)
{
    size_t i, count = json_array_size(diff_ids);
    int result = 0;
    struct layer_draft *drafts = arena_alloc(load->arena, (count + 1) * sizeof(*drafts));
    made->drafts = drafts;
    made->draft_count = 0;
    for (i = 0; i < count && result == 0; i++) {
        struct layer_draft *draft = &drafts[made->draft_count];
        const char *path = json_string_value(json_array_get(paths, i));
        result = unpack_layer(load, json_string_value(json_array_get(diff_ids, i)), path, draft, e);
        made->draft_count += *draft->beside != 0;
        if (result < 0)
            fail_in(e, "layer %zu (%s)", i, path ? path : "");
    }
    if (result == 0)
        result = image_publish(load->engine, made, id, e);
    for (i = 0; i < made->draft_count; i++)
        layer_draft_drop(load->engine, &drafts[i]);
    return result;
}

static json_t *normal_names(struct load *load, const json_t *names, struct error *e)
{
    size_t i;
    json_t *name;
    json_auto_t *normal = json_array();
    if (json_check_strings(names, "the image's names", e) < 0)
        return NULL;
    json_array_foreach (names, i, name) {
        const char *text = reference_normal(load->arena, json_string_value(name), e);
        if (!text)
            return NULL;
        json_array_append_new(normal, json_string(text));
    }
    return json_incref(normal);
}

static void report(struct load *load, const json_t *names, const char *id)
{
    size_t i;
    json_t *name;
    if (json_is_empty(names))
        json_array_append_new(load->loaded, json_sprintf("Loaded image ID: %s", id));
    json_array_foreach (names, i, name)
        json_array_append_new(load->loaded,
                              json_sprintf("Loaded image: %s", json_string_value(name)));
}

/* Loads one image; `names` is an array of references, or empty. */
static int load_image(struct load *load, const char *config_path, const json_t *paths,
                      const json_t *names, struct error *e)
{
    char id[DIGEST_SIZE];
    size_t size;
    int result, attempts = 0;
    char *text = read_member(load, config_path, &size, e);
    json_auto_t *config = text ? json_loadb(text, size, 0, NULL) : NULL;
    json_auto_t *normal = normal_names(load, names, e);
    if (!text || !normal)
        return -1;
    const json_t *diff_ids = diff_ids_of(config);
    if (!json_array_size(diff_ids) || json_array_size(diff_ids) != json_array_size(paths))
        return fail(e, EINVAL, "%s: it names %zu layers, the manifest %zu", config_path,
                    json_array_size(diff_ids), json_array_size(paths));
    struct new_image made = {.config = text, .size = size, .names = normal};
    /* Layers that were there may be removed meanwhile. */
    do
        result = store_image(load, diff_ids, paths, &made, id, e);
    while (result < 0 && e->code == EAGAIN && ++attempts < 3);
    if (result == 0)
        report(load, normal, id);
    return result;
}

static int load_docker(struct load *load, const json_t *manifest, struct error *e)
{
    size_t i;
    json_t *image;
    json_array_foreach (manifest, i, image) {
        if (load_image(load, json_text(image, "Config"), json_object_get(image, "Layers"),
                       json_object_get(image, "RepoTags"), e) < 0)
            return -1;
    }
    return json_array_size(manifest) ? 0 : fail(e, EINVAL, "manifest.json names no image");
}

static const char *blob_path(struct load *load, const json_t *descriptor)
{
    const char *digest = json_text(descriptor, "digest");
    return is_digest(digest) ? arena_printf(load->arena, "blobs/sha256/%s", digest + 7) : "";
}

/* A blob of JSON, whose content must be what its digest says. */
static json_t *read_blob(struct load *load, const json_t *descriptor, struct error *e)
{
    char digest[DIGEST_SIZE];
    size_t size;
    const char *path = blob_path(load, descriptor);
    char *text = *path ? read_member(load, path, &size, e) : NULL;
    if (!*path)
        fail(e, EINVAL, "a descriptor has no valid digest");
    if (!text)
        return NULL;
    digest_of(text, size, digest);
    json_t *json = json_loadb(text, size, 0, NULL);
    if (json && strcmp(digest, json_text(descriptor, "digest")) == 0)
        return json;
    fail(e, EINVAL, "%s: %s", path, json ? "its content does not have this digest" : "no JSON");
    json_decref(json);
    return NULL;
}

/* containerd's annotation is the whole name; the other one may be a tag alone, which names nothing
 * here. */
static json_t *oci_names(const json_t *descriptor)
{
    json_t *annotations = json_object_get(descriptor, "annotations");
    const char *name = json_text(annotations, "io.containerd.image.name");
    if (!*name)
        name = json_text(annotations, "org.opencontainers.image.ref.name");
    return strpbrk(name, ":/") ? json_pack("[s]", name) : json_array();
}

static int load_oci_image(struct load *load, const json_t *descriptor, const json_t *manifest,
                          struct error *e)
{
    size_t i;
    json_t *layer;
    json_auto_t *paths = json_array();
    json_auto_t *names = oci_names(descriptor);
    json_array_foreach (json_object_get(manifest, "layers"), i, layer)
        json_array_append_new(paths, json_string(blob_path(load, layer)));
    json_auto_t *config = read_blob(load, json_object_get(manifest, "config"), e);
    if (!config)
        return -1;
    return load_image(load, blob_path(load, json_object_get(manifest, "config")), paths, names, e);
}

/* Images for other machines, and attestations (of platform unknown/unknown), are passed over. */
static bool is_for_this_machine(const json_t *descriptor)
{
    json_t *platform = json_object_get(descriptor, "platform");
#ifdef __aarch64__
    const char *here = "arm64";
#else
    const char *here = "amd64";
#endif
    return !platform || (strcmp(json_text(platform, "os"), "linux") == 0 &&
                         strcmp(json_text(platform, "architecture"), here) == 0);
}

/* A descriptor of an image, or of an index of images for several machines: one level of it. */
static int load_oci_descriptor(struct load *load, const json_t *descriptor, struct error *e)
{
    size_t i;
    json_t *inner;
    json_auto_t *manifest = read_blob(load, descriptor, e);
    if (!manifest)
        return -1;
    json_t *choices = json_object_get(manifest, "manifests");
    if (!choices)
        return load_oci_image(load, descriptor, manifest, e);
    json_array_foreach (choices, i, inner) {
        if (!is_for_this_machine(inner))
            continue;
        json_auto_t *chosen = read_blob(load, inner, e);
        return chosen ? load_oci_image(load, descriptor, chosen, e) : -1;
    }
    return fail(e, EINVAL, "%s: no image for this machine", json_text(descriptor, "digest"));
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
    json_array_foreach (manifests, i, descriptor) {
        if (load_oci_descriptor(load, descriptor, e) < 0)
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
    int result = layer_tar_extract(tar, dir, WHITEOUTS_NONE, e);
    if (result == 0)
        result = load_unpacked(&load, e);
    remove_tree_at(engine->root, beside, &ignored);
    if (result < 0)
        return fail_in(e, "load");
    *loaded = json_incref(lines);
    return 0;
}
