#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/format.h"

struct inspect_options {
    bool size;
    const char *format, *type;
};

static const struct option inspect_options[] = {
    OPTION(struct inspect_options, format, 'f', "format", "string", OBJECT_FORMAT_HELP),
    OPTION(struct inspect_options, size, 's', "size", NULL,
           "Display total file sizes if the type is container"),
    OPTION(struct inspect_options, type, 0, "type", "string",
           "Only inspect objects of the given type"),
    OPTIONS_END};

static const struct kind {
    const char *name, *path;
} kinds[] = {
    {"container", "/containers/%s/json"}, {"image", "/images/%s/json"}, {"volume", "/volumes/%s"}};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static bool is_known_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Looks for an object of `options->type`, or of each kind in turn. A new reference, or NULL. */
static json_t *find_object(struct cli *cli, const struct inspect_options *options, const char *name,
                           struct error *e)
{
    for (size_t i = 0; i < KINDS && *name; i++) {
        json_t *object = NULL;
        if (options->type && strcmp(options->type, kinds[i].name) != 0)
            continue;
        char *path = api_path(cli, kinds[i].path, name);
        path = with_query(cli, path, "size", options->size && i == 0 ? "1" : NULL);
        if (ask(cli, "GET", path, NULL, &object, e) >= 0)
            return object;
        if (options->type || e->code != ENOENT)
            return NULL;
    }
    fail(e, ENOENT, "Error: No such object: %s", name);
    return NULL;
}

/* Prints what is there of `words`, then what is not. */
static int inspect_all(struct cli *cli, const struct inspect_options *options, struct words words,
                       struct error *e)
{
    json_auto_t *found = json_array();
    struct text_list missing = {0};
    for (size_t i = 0; i < words.count; i++) {
        json_t *object = find_object(cli, options, words.items[i], e);
        if (object)
            json_array_append_new(found, object);
        else
            vec_add(cli->arena, &missing, arena_strdup(cli->arena, e->text));
    }
    bool as_list = !options->format || strcmp(options->format, "json") == 0;
    if (as_list && print_object(cli, options->format, found, e) < 0)
        return -1;
    for (size_t i = 0; !as_list && i < json_array_size(found); i++) {
        if (print_object(cli, options->format, json_array_get(found, i), e) < 0)
            return -1;
    }
    for (size_t i = 0; i < missing.count; i++) {
        fail(e, ENOENT, "%s", missing.items[i]);
        report(e);
    }
    return missing.count > 0;
}

static int run_inspect(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct inspect_options *options = values;
    if (options->type && !is_known_kind(options->type))
        return fail(e, EINVAL,
                    "unknown type: \"%s\": must be one of \"container\", \"image\", \"volume\"",
                    options->type);
    return inspect_all(cli, options, words, e);
}

int inspect_kind(struct cli *cli, const char *type, const char *format, struct words words,
                 struct error *e)
{
    struct inspect_options options = {.type = type, .format = format};
    return inspect_all(cli, &options, words, e);
}

static int run_container_inspect(struct cli *cli, const void *values, struct words words,
                                 struct error *e)
{
    struct inspect_options options = *(const struct inspect_options *)values;
    options.type = "container";
    return inspect_all(cli, &options, words, e);
}

static int run_image_inspect(struct cli *cli, const void *values, struct words words,
                             struct error *e)
{
    const struct inspect_options *options = values;
    return inspect_kind(cli, "image", options->format, words, e);
}

const struct command inspect_command = {.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
                                        .summary = "Return low-level information on objects",
                                        .options = inspect_options,
                                        .values_size = sizeof(struct inspect_options),
                                        .least = 1,
                                        .most = ANY_NUMBER,
                                        .run = run_inspect};

const struct command container_inspect_command = {
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Display detailed information on one or more containers",
    .options = inspect_options,
    .values_size = sizeof(struct inspect_options),
    .least = 1,
    .most = ANY_NUMBER,
    .run = run_container_inspect};

const struct command image_inspect_command = {
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Display detailed information on one or more images",
    .options = inspect_options,
    .values_size = sizeof(struct inspect_options),
    .least = 1,
    .most = ANY_NUMBER,
    .run = run_image_inspect};
