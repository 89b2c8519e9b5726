/* Images as the API tells them: list, inspect, history; and how they get another name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/reference.h"

/* What a list shows: names, and the limits that `before` and `since` set. */
struct listing {
    struct engine *engine;
    struct arena *arena;
    const json_t *filters;
    json_t *index;
    json_int_t before, since; /* seconds; 0: no limit */
    VEC(json_t *) found;
};

static json_int_t created(const struct image *image)
{
    return (json_int_t)read_time(json_text(image->config, "created"));
}

static json_t *empty_if_missing(json_t *value, json_t *fresh)
{
    if (json_is_empty(value))
        return fresh;
    json_decref(fresh);
    return json_incref(value);
}

static bool is_named_so(const char *name, const json_t *filters)
{
    size_t position = 0;
    for (const char *pattern; (pattern = filter_next(filters, "reference", &position));) {
        if (reference_matches(name, pattern))
            return true;
    }
    return false;
}

/* The names that the filter leaves. */
static json_t *shown_names(const struct listing *list, const char *id)
{
    json_auto_t *all = image_names(list->index, id);
    if (!filter_is_given(list->filters, "reference"))
        return json_incref(all);
    json_t *shown = json_array(), *name;
    size_t i;
    json_array_foreach (all, i, name) {
        if (is_named_so(json_string_value(name), list->filters))
            json_array_append(shown, name);
    }
    return shown;
}

/* `key` or `key=value`; all that are given must be there. */
static bool has_labels(const struct image *image, const json_t *filters)
{
    json_t *labels = json_object_get(json_object_get(image->config, "config"), "Labels");
    size_t position = 0;
    for (const char *wanted; (wanted = filter_next(filters, "label", &position));) {
        size_t length = strcspn(wanted, "=");
        char key[256];
        snprintf(key, sizeof(key), "%.*s", (int)length, wanted);
        json_t *value = json_object_get(labels, key);
        if (!value || length >= sizeof(key) ||
            (wanted[length] && strcmp(json_text(labels, key), wanted + length + 1) != 0))
            return false;
    }
    return true;
}

static bool is_wanted(const struct listing *list, const struct image *image, const json_t *names)
{
    bool dangling = json_array_size(names) == 0;
    if (filter_is_given(list->filters, "dangling") &&
        !filter_allows(list->filters, "dangling", dangling ? "true" : "false") &&
        !filter_allows(list->filters, "dangling", dangling ? "1" : "0"))
        return false;
    if (dangling && filter_is_given(list->filters, "reference"))
        return false;
    if ((list->before && created(image) >= list->before) ||
        (list->since && created(image) <= list->since))
        return false;
    return has_labels(image, list->filters);
}

static void visit(void *context, const struct image *image)
{
    struct listing *list = context;
    json_auto_t *names = shown_names(list, image->id);
    if (!is_wanted(list, image, names))
        return;
    json_t *config = json_object_get(image->config, "config");
    json_int_t size = (json_int_t)image_size(list->engine, image);
    json_t *summary = json_pack(
        "{s:s, s:s, s:O, s:[], s:I, s:I, s:I, s:I, s:o, s:i}", "Id", image->id, "ParentId", "",
        "RepoTags", names, "RepoDigests", "Created", created(image), "Size", size, "SharedSize",
        (json_int_t)-1, "VirtualSize", size, "Labels",
        empty_if_missing(json_object_get(config, "Labels"), json_null()), "Containers", -1);
    vec_add(list->arena, &list->found, summary);
}

static int newest_first(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    json_int_t x_time = json_number(x, "Created"), y_time = json_number(y, "Created");
    if (x_time != y_time)
        return x_time < y_time ? 1 : -1;
    return strcmp(json_text(x, "Id"), json_text(y, "Id"));
}

/* When the image was made that filter `key` names. */
static int read_limit(const struct listing *list, const char *key, json_int_t *limit,
                      struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    size_t position = 0;
    const char *ref = filter_next(list->filters, key, &position);
    if (!ref)
        return 0;
    if (image_find(&image, list->engine, ref, e) < 0)
        return -1;
    *limit = created(&image);
    return 0;
}

static int check_filters(const json_t *filters, struct error *e)
{
    static const char known[] = " dangling label before since reference ";
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)filters, key, value) {
        const char *at = strstr(known, key);
        if (!*key || !at || at[-1] != ' ' || at[strlen(key)] != ' ')
            return fail(e, EINVAL, "invalid filter '%s'", key);
    }
    return 0;
}

json_t *engine_image_list(struct engine *engine, const json_t *filters, bool all, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    (void)all; /* images that are only steps to others are not kept */
    json_auto_t *index = image_index(engine, e);
    struct listing list = {.engine = engine, .arena = arena, .filters = filters, .index = index};
    if (!index || check_filters(filters, e) < 0 ||
        read_limit(&list, "before", &list.before, e) < 0 ||
        read_limit(&list, "since", &list.since, e) < 0 ||
        image_for_each(engine, visit, &list, e) < 0)
        return NULL;
    if (list.found.count)
        qsort(list.found.items, list.found.count, sizeof(*list.found.items), newest_first);
    json_t *result = json_array();
    for (size_t i = 0; i < list.found.count; i++)
        json_array_append_new(result, list.found.items[i]);
    return result;
}

/* What the last step of its making says. */
static const char *comment(const struct image *image)
{
    json_t *history = json_object_get(image->config, "history");
    size_t steps = json_array_size(history);
    return steps ? json_text(json_array_get(history, steps - 1), "comment") : "";
}

json_t *engine_image_inspect(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    if (image_find(&image, engine, ref, e) < 0)
        return NULL;
    json_auto_t *index = image_index(engine, e);
    if (!index)
        return NULL;
    json_int_t size = (json_int_t)image_size(engine, &image);
    json_t *config = json_object_get(image.config, "config");
    return json_pack(
        "{s:s, s:o, s:[], s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:{s:s, s:O},"
        " s:{s:s, s:n}, s:{}}",
        "Id", image.id, "RepoTags", image_names(index, image.id), "RepoDigests", "Parent", "",
        "Comment", comment(&image), "Created", json_text(image.config, "created"), "DockerVersion",
        json_text(image.config, "docker_version"), "Author", json_text(image.config, "author"),
        "Architecture", json_text(image.config, "architecture"), "Os",
        json_text(image.config, "os"), "Size", size, "VirtualSize", size, "Config",
        empty_if_missing(config, json_object()), "RootFS", "Type", "layers", "Layers",
        image_layers(&image), "GraphDriver", "Name", engine->driver, "Data", "Metadata");
}

json_t *engine_image_history(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_IMAGE struct image image = {0};
    if (image_find(&image, engine, ref, e) < 0)
        return NULL;
    json_auto_t *index = image_index(engine, e);
    if (!index)
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
        json_t *tags = newest ? image_names(index, image.id) : json_null();
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
    if (tag && *tag)
        repository = arena_printf(arena, "%s:%s", repository, tag);
    const char *name = reference_normal(arena, repository, e);
    if (!name)
        return -1;
    AUTO_CLOSE int lock = image_lock(engine, e);
    if (lock < 0 || image_find(&image, engine, ref, e) < 0)
        return -1;
    json_auto_t *names = json_pack("[s]", name);
    return image_set_names(engine, names, image.id, e);
}
