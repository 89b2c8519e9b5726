/* images, history, rmi and tag. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/format.h"
#include "cli/human.h"
#include "cli/images.h"
#include "cli/values.h"

struct images_options {
    bool all, digests, no_trunc, quiet;
    const char *format;
    struct text_list filter;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct images_options, field, letter, name, value, help)

static const struct option images_options[] = {
    OPT(all, 'a', "all", NULL, "Show all images (default hides intermediate images)"),
    OPT(digests, 0, "digests", NULL, "Show digests"),
    OPT(filter, 'f', "filter", "filter", "Filter output based on conditions provided"),
    OPT(format, 0, "format", "string", FORMAT_HELP),
    OPT(no_trunc, 0, "no-trunc", NULL, "Don't truncate output"),
    OPT(quiet, 'q', "quiet", NULL, "Only show image IDs"),
    OPTIONS_END};

static const struct column image_columns[] = {{"Containers", "CONTAINERS"},
                                              {"CreatedAt", "CREATED AT"},
                                              {"CreatedSince", "CREATED"},
                                              {"Digest", "DIGEST"},
                                              {"ID", "IMAGE ID"},
                                              {"Repository", "REPOSITORY"},
                                              {"SharedSize", "SHARED SIZE"},
                                              {"Size", "SIZE"},
                                              {"Tag", "TAG"},
                                              {"UniqueSize", "UNIQUE SIZE"},
                                              {"VirtualSize", "VIRTUAL SIZE"},
                                              {0}};

struct reference split_reference(struct cli *cli, const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *colon = strrchr(text, ':');
    if (!colon || (slash && colon < slash))
        return (struct reference){text, NULL};
    return (struct reference){arena_strndup(cli->arena, text, (size_t)(colon - text)), colon + 1};
}

static json_t *image_row(struct cli *cli, const json_t *image, const char *name, const char *digest,
                         bool no_trunc)
{
    struct reference reference = split_reference(cli, name);
    const char *id = json_text(image, "Id");
    long long created = json_number(image, "Created");
    double size = (double)json_number(image, "Size");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Containers", "N/A",
                     "CreatedAt", time_in_words(cli->arena, created), "CreatedSince",
                     time_ago(cli->arena, created), "Digest", digest, "ID",
                     no_trunc ? id : short_id(cli->arena, id), "Repository", reference.repository,
                     "SharedSize", "N/A", "Size", human_size(cli->arena, size, 3), "Tag",
                     reference.tag ? reference.tag : "<none>", "UniqueSize", "N/A", "VirtualSize",
                     human_size(cli->arena, size, 4));
}

static const char *digest_of(const json_t *image)
{
    const char *digest =
        json_string_value(json_array_get(json_object_get(image, "RepoDigests"), 0));
    const char *at = digest ? strchr(digest, '@') : NULL;
    return at ? at + 1 : "<none>";
}

/* One row for each of its names; an image without any has one row, too. */
static void add_image(struct cli *cli, const struct images_options *options, const json_t *image,
                      json_t *rows)
{
    const json_t *names = json_object_get(image, "RepoTags");
    const char *digest = digest_of(image);
    /* With -q an image is one line, whatever its names are. */
    size_t count = options->quiet && !options->format ? 0 : json_array_size(names);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows,
                              image_row(cli, image, json_string_value(json_array_get(names, i)),
                                        digest, options->no_trunc));
    if (count == 0)
        json_array_append_new(rows,
                              image_row(cli, image, "<none>:<none>", digest, options->no_trunc));
}

static int run_images(struct cli *cli, const void *values, struct words words, struct error *e)
{
    struct images_options options = *(const struct images_options *)values;
    const char *filters;
    json_auto_t *answer = NULL;
    if (words.count > 0)
        vec_add(cli->arena, &options.filter,
                arena_printf(cli->arena, "reference=%s", words.items[0]));
    if (parse_filters(cli, &options.filter, &filters, e) < 0)
        return -1;
    char *path =
        with_query(cli, arena_strdup(cli->arena, "/images/json"), "all", options.all ? "1" : NULL);
    if (ask(cli, "GET", with_query(cli, path, "filters", filters), NULL, &answer, e) < 0)
        return -1;
    json_auto_t *rows = json_array();
    size_t i;
    json_t *image;
    json_array_foreach (answer, i, image)
        add_image(cli, &options, image, rows);
    const char *usual = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
    if (options.digests)
        usual = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t"
                "{{.Size}}";
    return print_rows(cli, image_columns, options.quiet ? "{{.ID}}" : usual, options.format, rows,
                      e);
}

const struct command images_command = {.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
                                       .summary = "List images",
                                       .options = images_options,
                                       .values_size = sizeof(struct images_options),
                                       .most = 1,
                                       .run = run_images};

static const struct option history_options[] = {
    OPT(format, 0, "format", "string", FORMAT_HELP),
    OPT(no_trunc, 0, "no-trunc", NULL, "Don't truncate output"),
    OPT(quiet, 'q', "quiet", NULL, "Only show image IDs"), OPTIONS_END};

static const struct column history_columns[] = {{"Comment", "COMMENT"},
                                                {"CreatedAt", "CREATED AT"},
                                                {"CreatedBy", "CREATED BY"},
                                                {"CreatedSince", "CREATED"},
                                                {"ID", "IMAGE"},
                                                {"Size", "SIZE"},
                                                {0}};

static json_t *history_row(struct cli *cli, const json_t *layer, bool no_trunc)
{
    const char *id = json_text(layer, "Id");
    const char *by = json_text(layer, "CreatedBy");
    long long created = json_number(layer, "Created");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Comment", json_text(layer, "Comment"),
                     "CreatedAt", time_in_words(cli->arena, created), "CreatedBy",
                     no_trunc ? by : ellipsis(cli->arena, by, 45), "CreatedSince",
                     time_ago(cli->arena, created), "ID", no_trunc ? id : short_id(cli->arena, id),
                     "Size", human_size(cli->arena, (double)json_number(layer, "Size"), 3));
}

static int run_history(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct images_options *options = values;
    json_auto_t *answer = NULL;
    if (ask(cli, "GET", api_path(cli, "/images/%s/history", words.items[0]), NULL, &answer, e) < 0)
        return -1;
    json_auto_t *rows = json_array();
    size_t i;
    json_t *layer;
    json_array_foreach (answer, i, layer)
        json_array_append_new(rows, history_row(cli, layer, options->no_trunc));
    return print_rows(cli, history_columns,
                      options->quiet ? "{{.ID}}"
                                     : "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t"
                                       "{{.Size}}\t{{.Comment}}",
                      options->format, rows, e);
}

const struct command image_history_command = {.usage = "[OPTIONS] IMAGE",
                                              .summary = "Show the history of an image",
                                              .options = history_options,
                                              .values_size = sizeof(struct images_options),
                                              .least = 1,
                                              .most = 1,
                                              .run = run_history};

struct remove_options {
    bool force, no_prune;
};

static const struct option remove_options[] = {
    OPTION(struct remove_options, force, 'f', "force", NULL, "Force removal of the image"),
    OPTION(struct remove_options, no_prune, 0, "no-prune", NULL, "Do not delete untagged parents"),
    OPTIONS_END};

static void print_removals(const json_t *removals)
{
    size_t i;
    json_t *removal;
    json_array_foreach (removals, i, removal) {
        if (*json_text(removal, "Untagged"))
            printf("Untagged: %s\n", json_text(removal, "Untagged"));
        if (*json_text(removal, "Deleted"))
            printf("Deleted: %s\n", json_text(removal, "Deleted"));
    }
}

static int remove_image(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct remove_options *options = values;
    json_auto_t *removals = NULL;
    char *path = api_path(cli, "/images/%s", name);
    path = with_query(cli, path, "force", options->force ? "1" : NULL);
    path = with_query(cli, path, "noprune", options->no_prune ? "1" : NULL);
    int result = ask(cli, "DELETE", path, NULL, &removals, e);
    print_removals(removals);
    if (result < 0 && !(options->force && e->code == ENOENT))
        return -1;
    if (result < 0)
        report(e);
    return 1;
}

static int run_remove(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)e;
    return for_each_name(cli, options, words, remove_image);
}

const struct command image_remove_command = {.usage = "[OPTIONS] IMAGE [IMAGE...]",
                                             .summary = "Remove one or more images",
                                             .options = remove_options,
                                             .values_size = sizeof(struct remove_options),
                                             .least = 1,
                                             .most = ANY_NUMBER,
                                             .run = run_remove};

static int run_tag(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    struct reference target = split_reference(cli, words.items[1]);
    char *path = api_path(cli, "/images/%s/tag", words.items[0]);
    path = with_query(cli, path, "repo", target.repository);
    return tell(cli, "POST", with_query(cli, path, "tag", target.tag), NULL, e);
}

const struct command image_tag_command = {
    .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    .summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    .least = 2,
    .most = 2,
    .run = run_tag};
