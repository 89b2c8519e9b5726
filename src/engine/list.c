/* Containers as `docker ps` sees them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/describe.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/record.h"

/* "3 minutes", in Docker's words and with its rounding. */
static void write_age(char text[40], long long seconds)
{
    long long minutes = seconds / 60, hours = (minutes + 30) / 60;
    if (seconds < 1)
        snprintf(text, 40, "Less than a second");
    else if (seconds == 1)
        snprintf(text, 40, "1 second");
    else if (seconds < 60)
        snprintf(text, 40, "%lld seconds", seconds);
    else if (minutes == 1)
        snprintf(text, 40, "About a minute");
    else if (minutes < 60)
        snprintf(text, 40, "%lld minutes", minutes);
    else if (hours == 1)
        snprintf(text, 40, "About an hour");
    else if (hours < 48)
        snprintf(text, 40, "%lld hours", hours);
    else if (hours < 24 * 7 * 2)
        snprintf(text, 40, "%lld days", hours / 24);
    else if (hours < 24 * 30 * 2)
        snprintf(text, 40, "%lld weeks", hours / 24 / 7);
    else if (hours < 24 * 365 * 2)
        snprintf(text, 40, "%lld months", hours / 24 / 30);
    else
        snprintf(text, 40, "%lld years", hours / 24 / 365);
}

static void write_status(const struct container *container, char text[80])
{
    char age[40];
    const char *status = container_status(container);
    long long now = (long long)time(NULL);
    if (container_is_running(container)) {
        write_age(age, now - read_time(json_text(container->state, "StartedAt")));
        snprintf(text, 80, "Up %s%s", age, strcmp(status, "paused") == 0 ? " (Paused)" : "");
    } else if (strcmp(status, "created") == 0) {
        snprintf(text, 80, "Created");
    } else {
        write_age(age, now - read_time(json_text(container->state, "FinishedAt")));
        snprintf(text, 80, "Exited (%d) %s ago", (int)json_number(container->state, "ExitCode"),
                 age);
    }
}

static bool needs_quotes(const char *argument)
{
    return !*argument || argument[strcspn(argument, " \t\n'\"")] != 0;
}

/* The command line as one text: arguments with blanks stand in quotes. */
static char *command_of(const struct container *container, struct arena *arena)
{
    char *text = arena_strdup(arena, json_text(container->config, "Path"));
    size_t i;
    json_t *argument;
    json_array_foreach (json_object_get(container->config, "Args"), i, argument) {
        const char *value = json_string_value(argument);
        text = arena_printf(arena, needs_quotes(value) ? "%s '%s'" : "%s %s", text, value);
    }
    return text;
}

static json_t *object_or_empty(json_t *value)
{
    return json_is_object(value) ? json_incref(value) : json_object();
}

static json_t *summary_of(const struct container *container)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char status[80];
    json_t *config = json_object_get(container->config, "Config");
    json_t *host_config = json_object_get(container->config, "HostConfig");
    write_status(container, status);
    return json_pack(
        "{s:s, s:[s], s:s, s:s, s:s, s:I, s:[], s:o, s:s, s:s, s:{s:s}, s:{s:o}, s:o}", "Id",
        container->id, "Names", arena_printf(arena, "/%s", container_name(container)), "Image",
        json_text(config, "Image"), "ImageID", json_text(container->config, "Image"), "Command",
        command_of(container, arena), "Created",
        (json_int_t)read_time(json_text(container->config, "Created")), "Ports", "Labels",
        object_or_empty(json_object_get(config, "Labels")), "State", container_status(container),
        "Status", status, "HostConfig", "NetworkMode", json_text(host_config, "NetworkMode"),
        "NetworkSettings", "Networks", describe_networks(container), "Mounts",
        json_incref(json_object_get(container->config, "MountPoints")));
}

/* ------------------------------------------------------------------ filters */

static bool matches_name(const struct container *container, const json_t *filters)
{
    size_t position = 0;
    if (!filter_is_given(filters, "name"))
        return true;
    for (const char *part; (part = filter_next(filters, "name", &position));) {
        AUTO_ARENA struct arena *arena = arena_new();
        const char *name = arena_printf(arena, "/%s", container_name(container));
        bool anchored = *part == '^';
        char *wanted = arena_strdup(arena, part + anchored);
        size_t length = strlen(wanted);
        bool to_end = length && wanted[length - 1] == '$';
        if (to_end)
            wanted[--length] = 0;
        const char *at = *wanted == '/' ? name : name + 1;
        if (anchored ? starts_with(at, wanted) && (!to_end || strcmp(at, wanted) == 0)
                     : (to_end ? ends_with(name, wanted) : strstr(name, wanted) != NULL))
            return true;
    }
    return false;
}

static bool matches_prefix(const json_t *filters, const char *key, const char *value)
{
    size_t position = 0;
    if (!filter_is_given(filters, key))
        return true;
    for (const char *prefix; (prefix = filter_next(filters, key, &position));) {
        if (starts_with(value, prefix))
            return true;
    }
    return false;
}

/* Every label filter must hold. */
static bool matches_labels(const json_t *labels, const json_t *filters)
{
    size_t position = 0;
    for (const char *wanted; (wanted = filter_next(filters, "label", &position));) {
        AUTO_ARENA struct arena *arena = arena_new();
        char *key = arena_strdup(arena, wanted), *value = strchr(key, '=');
        if (value)
            *value++ = 0;
        json_t *label = json_object_get(labels, key);
        if (!label ||
            (value && (!json_is_string(label) || strcmp(json_string_value(label), value) != 0)))
            return false;
    }
    return true;
}

static bool matches_ancestor(struct engine *engine, const struct container *container,
                             const json_t *filters)
{
    size_t position = 0;
    if (!filter_is_given(filters, "ancestor"))
        return true;
    for (const char *ref; (ref = filter_next(filters, "ancestor", &position));) {
        AUTO_IMAGE struct image image = {0};
        struct error ignored = {0};
        if (image_find(&image, engine, ref, &ignored) == 0 &&
            strcmp(image.id, json_text(container->config, "Image")) == 0)
            return true;
    }
    return false;
}

static bool matches_volume(const struct container *container, const json_t *filters)
{
    size_t i;
    json_t *mount;
    if (!filter_is_given(filters, "volume"))
        return true;
    json_array_foreach (json_object_get(container->config, "MountPoints"), i, mount) {
        if (filter_allows(filters, "volume", json_text(mount, "Name")) ||
            filter_allows(filters, "volume", json_text(mount, "Destination")))
            return true;
    }
    return false;
}

static bool is_wanted(const struct container *container, const struct engine_list *query)
{
    const json_t *filters = query->filters;
    json_t *config = json_object_get(container->config, "Config");
    char code[16];
    if (!query->all && !query->limit && !filter_is_given(filters, "status") &&
        !filter_is_given(filters, "exited") && !container_is_running(container))
        return false;
    snprintf(code, sizeof(code), "%d", (int)json_number(container->state, "ExitCode"));
    if (filter_is_given(filters, "exited") && (strcmp(container_status(container), "exited") != 0 ||
                                               !filter_allows(filters, "exited", code)))
        return false;
    return filter_allows(filters, "status", container_status(container)) &&
           matches_prefix(filters, "id", container->id) && matches_name(container, filters) &&
           matches_labels(json_object_get(config, "Labels"), filters) &&
           matches_volume(container, filters) &&
           matches_ancestor(container->engine, container, filters);
}

/* Creation time of the container that a before= or since= filter names; "" if none is given. */
static int reference_time(struct engine *engine, const json_t *filters, const char *key,
                          char time_text[TIME_TEXT_SIZE], struct error *e)
{
    size_t position = 0;
    const char *ref = filter_is_given(filters, key) ? filter_next(filters, key, &position) : NULL;
    *time_text = 0;
    if (!ref)
        return 0;
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    snprintf(time_text, TIME_TEXT_SIZE, "%s", json_text(container.config, "Created"));
    return 0;
}

/* ------------------------------------------------------------------ the list */

struct found {
    char created[TIME_TEXT_SIZE];
    json_t *summary;
};

static int newest_first(const void *a, const void *b)
{
    return strcmp(((const struct found *)b)->created, ((const struct found *)a)->created);
}

static json_t *sorted_list(struct found *found, size_t count, int limit)
{
    json_t *list = json_array();
    if (count)
        qsort(found, count, sizeof(*found), newest_first);
    for (size_t i = 0; i < count; i++) {
        if (limit > 0 && i >= (size_t)limit)
            json_decref(found[i].summary);
        else
            json_array_append_new(list, found[i].summary);
    }
    return list;
}

json_t *engine_container_list(struct engine *engine, const struct engine_list *query,
                              struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    VEC(struct found) found = {0};
    char before[TIME_TEXT_SIZE], since[TIME_TEXT_SIZE];
    if (reference_time(engine, query->filters, "before", before, e) < 0 ||
        reference_time(engine, query->filters, "since", since, e) < 0)
        return NULL;
    int fd = open_directory_at(engine->root, "containers", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct error gone = {0};
        if (!is_full_id(entry->d_name))
            continue;
        AUTO_CONTAINER struct container container;
        if (container_open(&container, engine, entry->d_name, &gone) < 0)
            continue;
        const char *created = json_text(container.config, "Created");
        if ((*before && strcmp(created, before) >= 0) || (*since && strcmp(created, since) <= 0) ||
            !is_wanted(&container, query))
            continue;
        struct found *item = vec_push(arena, &found);
        snprintf(item->created, sizeof(item->created), "%s", created);
        item->summary = summary_of(&container);
        if (query->size)
            describe_sizes(&container, item->summary);
    }
    return sorted_list(found.items, found.count, query->limit);
}
