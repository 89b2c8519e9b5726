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

static bool is_name_part(const char *text, size_t length)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:";
    return length > 0 && length < 256 && strspn(text, allowed) >= length && text[0] != '/' &&
           text[0] != ':' && text[0] != '.' && text[0] != '-';
}

char *image_normal_name(struct arena *arena, const char *name, struct error *e)
{
    const char *given = name;
    if (starts_with(name, "docker.io/"))
        name += strlen("docker.io/");
    if (starts_with(name, "library/"))
        name += strlen("library/");
    const char *slash = strrchr(name, '/');
    const char *colon = strchr(slash ? slash : name, ':');
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    const char *tag = colon ? colon + 1 : "latest";
    if (!is_name_part(name, length) || !is_name_part(tag, strlen(tag)) || strchr(tag, '/') ||
        strchr(tag, ':') || strlen(tag) > 128) {
        fail(e, EINVAL, "invalid reference format: %.200s", given);
        return NULL;
    }
    for (size_t i = slash ? (size_t)(slash - name) : 0; i < length; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z') {
            fail(e, EINVAL, "invalid reference format: repository name (%.200s) must be lowercase",
                 name);
            return NULL;
        }
    }
    return arena_printf(arena, "%.*s:%s", (int)length, name, tag);
}

json_t *image_index(struct engine *engine, struct error *e)
{
    json_t *index = json_read_at(engine->root, "images/index.json", e);
    if (index || e->code != ENOENT)
        return index;
    e->code = 0;
    return json_object();
}

int image_set_name(struct engine *engine, const char *name, const char *id, struct error *e)
{
    AUTO_CLOSE int lock = lock_file_at(engine->root, "images/lock", LOCK_WAIT, e);
    if (lock < 0)
        return -1;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return -1;
    if (id)
        json_object_set_new(index, name, json_string(id));
    else
        json_object_del(index, name);
    return json_replace_at(engine->root, "images/index.json", index, e);
}

/* An id may be shortened; a name may not. */
static int find_by_prefix(struct engine *engine, const char *prefix, char id[DIGEST_SIZE],
                          struct error *e)
{
    AUTO_CLOSE int fd = open_directory_at(engine->root, "images", false, e);
    if (fd < 0)
        return -1;
    AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
    if (!dir)
        return fail_errno(e, "images");
    fd = -1;
    int found = 0;
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
    if (is_digest(ref)) {
        memcpy(id, ref, DIGEST_SIZE);
        return 0;
    }
    if (strcmp(ref, "") == 0)
        return fail(e, EINVAL, "no image is given");
    const char *name = image_normal_name(arena, ref, e);
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
    const char *digits = starts_with(ref, "sha256:") ? ref + 7 : ref;
    if (is_hexadecimal(digits) && strlen(digits) <= 64 &&
        find_by_prefix(engine, digits, id, e) == 0)
        return 0;
    return fail(e, ENOENT, "No such image: %s", name);
}

int image_find(struct image *image, struct engine *engine, const char *ref, struct error *e)
{
    char path[100];
    memset(image, 0, sizeof(*image));
    if (find_image(engine, ref, image->id, e) < 0)
        return -1;
    snprintf(path, sizeof(path), "images/%s.json", image->id + 7);
    image->config = json_read_at(engine->root, path, e);
    if (!image->config)
        return e->code == ENOENT ? fail(e, ENOENT, "No such image: %s", ref) : -1;
    size_t i;
    json_t *layer;
    json_array_foreach(image_layers(image), i, layer)
    {
        if (!json_is_string(layer) || !is_digest(json_string_value(layer)))
            return fail(e, EINVAL, "image %s: layer %zu has no valid id", ref, i);
    }
    return 0;
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
    json_array_foreach(image_layers(image), i, layer) size +=
        layer_size(engine, json_string_value(layer));
    return size;
}

json_t *image_names(struct engine *engine, const char *id)
{
    struct error ignored = {0};
    json_auto_t *index = image_index(engine, &ignored);
    json_t *names = json_array();
    const char *name;
    json_t *target;
    json_object_foreach(index, name, target)
    {
        if (json_is_string(target) && strcmp(json_string_value(target), id) == 0)
            json_array_append_new(names, json_string(name));
    }
    return names;
}

int image_store(struct engine *engine, const char *config, size_t size, const char *name,
                char id[DIGEST_SIZE], struct error *e)
{
    char path[100];
    digest_of(config, size, id);
    snprintf(path, sizeof(path), "images/%s.json", id + 7);
    if (replace_file_at(engine->root, path, config, size, 0600, e) < 0)
        return -1;
    return name ? image_set_name(engine, name, id, e) : 0;
}
