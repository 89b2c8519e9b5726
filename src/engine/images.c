/* Images as the API tells them: list, inspect, history, tag, removal. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/record.h"

static json_t *empty_if_missing(json_t *value, json_t *fresh)
{
    if (json_is_empty(value))
        return fresh;
    json_decref(fresh);
    return json_incref(value);
}

static json_t *summary_of(struct engine *engine, const struct image *image)
{
    json_t *config = json_object_get(image->config, "config");
    json_t *names = image_names(engine, image->id);
    return json_pack("{s:s, s:s, s:o, s:[], s:I, s:I, s:I, s:I, s:o, s:i}", "Id", image->id,
                     "ParentId", "", "RepoTags", names, "RepoDigests", "Created",
                     (json_int_t)read_time(json_text(image->config, "created")), "Size",
                     (json_int_t)image_size(engine, image), "SharedSize", (json_int_t)-1,
                     "VirtualSize", (json_int_t)image_size(engine, image), "Labels",
                     empty_if_missing(json_object_get(config, "Labels"), json_null()), "Containers",
                     -1);
}

static bool matches_pattern(const char *name, const char *pattern)
{
    size_t length = strlen(pattern);
    return strcmp(name, pattern) == 0 ||
           (strncmp(name, pattern, length) == 0 && name[length] == ':' && !strchr(pattern, ':'));
}

static bool is_wanted(const json_t *summary, const json_t *filters)
{
    json_t *names = json_object_get(summary, "RepoTags"), *name;
    bool dangling = json_array_size(names) == 0;
    if (filter_is_given(filters, "dangling") &&
        !filter_allows(filters, "dangling", dangling ? "true" : "false") &&
        !filter_allows(filters, "dangling", dangling ? "1" : "0"))
        return false;
    if (!filter_is_given(filters, "reference"))
        return true;
    size_t i, position = 0;
    for (const char *pattern; (pattern = filter_next(filters, "reference", &position));) {
        json_array_foreach(names, i, name)
        {
            if (matches_pattern(json_string_value(name), pattern))
                return true;
        }
    }
    return false;
}

static int newest_first(const void *a, const void *b)
{
    json_int_t x = json_number(*(json_t *const *)a, "Created");
    json_int_t y = json_number(*(json_t *const *)b, "Created");
    return x < y ? 1 : x > y ? -1 : 0;
}

json_t *engine_image_list(struct engine *engine, const json_t *filters, bool all, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    VEC(json_t *) found = {0};
    (void)all;
    int fd = open_directory_at(engine->root, "images", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char id[DIGEST_SIZE];
        AUTO_IMAGE struct image image = {0};
        struct error ignored = {0};
        if (strlen(entry->d_name) != 64 + strlen(".json"))
            continue;
        snprintf(id, sizeof(id), "sha256:%.64s", entry->d_name);
        if (!is_digest(id) || image_find(&image, engine, id, &ignored) < 0)
            continue;
        json_t *summary = summary_of(engine, &image);
        if (is_wanted(summary, filters))
            vec_add(arena, &found, summary);
        else
            json_decref(summary);
    }
    if (found.count)
        qsort(found.items, found.count, sizeof(*found.items), newest_first);
    json_t *list = json_array();
    for (size_t i = 0; i < found.count; i++)
        json_array_append_new(list, found.items[i]);
    return list;
}

json_t *engine_image_inspect(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    if (image_find(&image, engine, ref, e) < 0)
        return NULL;
    json_t *config = json_object_get(image.config, "config");
    return json_pack(
        "{s:s, s:o, s:[], s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:{s:s, s:O},"
        " s:{s:s, s:n}, s:{}}",
        "Id", image.id, "RepoTags", image_names(engine, image.id), "RepoDigests", "Parent", "",
        "Comment", "", "Created", json_text(image.config, "created"), "DockerVersion", "", "Author",
        json_text(image.config, "author"), "Architecture", json_text(image.config, "architecture"),
        "Os", json_text(image.config, "os"), "Size", (json_int_t)image_size(engine, &image),
        "VirtualSize", (json_int_t)image_size(engine, &image), "Config",
        config ? json_incref(config) : json_object(), "RootFS", "Type", "layers", "Layers",
        image_layers(&image), "GraphDriver", "Name", engine->driver, "Data", "Metadata");
}

json_t *engine_image_history(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    if (image_find(&image, engine, ref, e) < 0)
        return NULL;
    json_t *steps = json_object_get(image.config, "history");
    json_t *history = json_array();
    size_t layer = json_array_size(image_layers(&image));
    for (size_t i = json_array_size(steps); i-- > 0;) {
        json_t *step = json_array_get(steps, i);
        json_int_t size = 0;
        if (!json_truth(step, "empty_layer") && layer > 0)
            size = layer_size(engine,
                              json_string_value(json_array_get(image_layers(&image), --layer)));
        bool newest = i + 1 == json_array_size(steps);
        json_t *tags = newest ? image_names(engine, image.id) : json_null();
        json_array_append_new(history,
                              json_pack("{s:s, s:I, s:s, s:o, s:I, s:s}", "Id",
                                        newest ? image.id : "<missing>", "Created",
                                        (json_int_t)read_time(json_text(step, "created")),
                                        "CreatedBy", json_text(step, "created_by"), "Tags", tags,
                                        "Size", size, "Comment", json_text(step, "comment")));
    }
    return history;
}

int engine_image_tag(struct engine *engine, const char *ref, const char *repository,
                     const char *tag, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_IMAGE struct image image = {0};
    if (image_find(&image, engine, ref, e) < 0)
        return -1;
    if (tag && *tag)
        repository = arena_printf(arena, "%s:%s", repository, tag);
    const char *name = image_normal_name(arena, repository, e);
    return name ? image_set_name(engine, name, image.id, e) : -1;
}

/* Id and state of a container that was made of this image. */
static bool find_user(struct engine *engine, const char *image_id, char id[13], bool *running,
                      struct error *e)
{
    struct engine_list query = {.all = true};
    bool found = false;
    size_t i;
    json_t *summary;
    *running = false;
    json_auto_t *containers = engine_container_list(engine, &query, e);
    json_array_foreach(containers, i, summary)
    {
        if (strcmp(json_text(summary, "ImageID"), image_id) != 0)
            continue;
        bool runs = strcmp(json_text(summary, "State"), "running") == 0 ||
                    strcmp(json_text(summary, "State"), "paused") == 0;
        if (!found || (runs && !*running))
            snprintf(id, 13, "%s", json_text(summary, "Id"));
        *running |= runs;
        found = true;
    }
    return found;
}

static bool is_layer_used(const json_t *images, struct engine *engine, const char *diff_id)
{
    size_t i, k;
    json_t *summary, *layer;
    json_array_foreach(images, i, summary)
    {
        AUTO_IMAGE struct image other = {0};
        struct error ignored = {0};
        if (image_find(&other, engine, json_text(summary, "Id"), &ignored) < 0)
            continue;
        json_array_foreach(image_layers(&other), k, layer)
        {
            if (strcmp(json_string_value(layer), diff_id) == 0)
                return true;
        }
    }
    return false;
}

static int delete_image(struct engine *engine, const struct image *image, json_t *report,
                        struct error *e)
{
    char path[100];
    size_t i;
    json_t *layer;
    snprintf(path, sizeof(path), "images/%s.json", image->id + 7);
    if (unlinkat(engine->root, path, 0) < 0)
        return fail_errno(e, "image %s", image->id);
    json_array_append_new(report, json_pack("{s:s}", "Deleted", image->id));
    json_auto_t *others = engine_image_list(engine, NULL, true, e);
    json_array_foreach(image_layers(image), i, layer)
    {
        const char *diff_id = json_string_value(layer);
        if (is_layer_used(others, engine, diff_id))
            continue;
        if (layer_remove(engine, diff_id, e) < 0)
            return -1;
        json_array_append_new(report, json_pack("{s:s}", "Deleted", diff_id));
    }
    return 0;
}

static int untag(struct engine *engine, const char *name, json_t *report, struct error *e)
{
    if (image_set_name(engine, name, NULL, e) < 0)
        return -1;
    return json_array_append_new(report, json_pack("{s:s}", "Untagged", name));
}

/* An image in use can lose names, but not itself. */
static int check_unused(struct engine *engine, const struct image *image, const char *ref,
                        bool force, struct error *e)
{
    char user[13];
    bool running;
    if (!find_user(engine, image->id, user, &running, e))
        return e->code ? -1 : 0;
    if (running)
        return fail(e, EBUSY,
                    "conflict: unable to %s %s (%s) - image is being used by running container %s",
                    "delete", ref, "cannot be forced", user);
    if (!force)
        return fail(e, EBUSY,
                    "conflict: unable to remove repository reference \"%s\" (must force) - "
                    "container %s is using its referenced image %.12s",
                    ref, user, image->id + 7);
    return fail(e, EBUSY,
                "conflict: unable to delete %.12s (cannot be forced) - container %s is using it; "
                "remove it first",
                image->id + 7, user);
}

static int remove_image(struct engine *engine, const char *ref, bool force, json_t *report,
                        struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_IMAGE struct image image = {0};
    struct error ignored = {0};
    size_t i;
    json_t *other;
    if (image_find(&image, engine, ref, e) < 0)
        return -1;
    json_auto_t *names = image_names(engine, image.id);
    const char *name = image_normal_name(arena, ref, &ignored);
    bool by_name = false;
    json_array_foreach(names, i, other) by_name |=
        name && strcmp(json_string_value(other), name) == 0;
    if (by_name && json_array_size(names) > 1)
        return untag(engine, name, report, e);
    if (!by_name && json_array_size(names) > 1 && !force)
        return fail(e, EBUSY,
                    "conflict: unable to delete %.12s (must be forced) - image is referenced in "
                    "multiple repositories",
                    image.id + 7);
    if (check_unused(engine, &image, ref, force, e) < 0)
        return -1;
    json_array_foreach(names, i, other)
    {
        if (untag(engine, json_string_value(other), report, e) < 0)
            return -1;
    }
    return delete_image(engine, &image, report, e);
}

int engine_image_remove(struct engine *engine, const char *ref, bool force, json_t **report,
                        struct error *e)
{
    json_auto_t *steps = json_array();
    if (remove_image(engine, ref, force, steps, e) < 0)
        return -1;
    if (report)
        *report = json_incref(steps);
    return 0;
}
