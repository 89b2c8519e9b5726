/* ps: the containers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/human.h"
#include "cli/values.h"

struct list_options {
    bool all, latest, no_trunc, quiet, size;
    struct number last;
    const char *format;
    struct text_list filter;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct list_options, field, letter, name, value, help)

static const struct option list_options[] = {
    OPT(all, 'a', "all", NULL, "Show all containers (default shows just running)"),
    OPT(filter, 'f', "filter", "filter", "Filter output based on conditions provided"),
    OPT(format, 0, "format", "string", FORMAT_HELP),
    OPT(last, 'n', "last", "int", "Show n last created containers (includes all states)"),
    OPT(latest, 'l', "latest", NULL, "Show the latest created container (includes all states)"),
    OPT(no_trunc, 0, "no-trunc", NULL, "Don't truncate output"),
    OPT(quiet, 'q', "quiet", NULL, "Only display container IDs"),
    OPT(size, 's', "size", NULL, "Display total file sizes"),
    OPTIONS_END};

static const struct column columns[] = {
    {"Command", "COMMAND"}, {"CreatedAt", "CREATED AT"}, {"ID", "CONTAINER ID"},
    {"Image", "IMAGE"},     {"Labels", "LABELS"},        {"LocalVolumes", "LOCAL VOLUMES"},
    {"Mounts", "MOUNTS"},   {"Names", "NAMES"},          {"Networks", "NETWORKS"},
    {"Ports", "PORTS"},     {"RunningFor", "CREATED"},   {"Size", "SIZE"},
    {"State", "STATE"},     {"Status", "STATUS"},        {0}};

#define TABLE                                                                                      \
    "table "                                                                                       \
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

static const char *joined(struct cli *cli, const char *so_far, const char *more)
{
    return *so_far ? arena_printf(cli->arena, "%s,%s", so_far, more) : more;
}

static const char *names_of(struct cli *cli, const json_t *container)
{
    const char *names = "";
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(container, "Names"), i, name) {
        const char *text = json_string_value(name);
        if (text)
            names = joined(cli, names, text + (*text == '/'));
    }
    return names;
}

static const char *networks_of(struct cli *cli, const json_t *container)
{
    const char *networks = "";
    const char *key;
    json_t *value;
    json_t *settings = json_object_get(container, "NetworkSettings");
    json_object_foreach (json_object_get(settings, "Networks"), key, value)
        networks = joined(cli, networks, key);
    return networks;
}

static const char *mounts_of(struct cli *cli, const json_t *container, bool no_trunc,
                             long long *volumes)
{
    const char *mounts = "";
    size_t i;
    json_t *mount;
    *volumes = 0;
    json_array_foreach (json_object_get(container, "Mounts"), i, mount) {
        const char *name = json_text(mount, "Name");
        name = *name ? name : json_text(mount, "Source");
        mounts = joined(cli, mounts, no_trunc ? name : ellipsis(cli->arena, name, 15));
        *volumes += strcmp(json_text(mount, "Driver"), "local") == 0;
    }
    return mounts;
}

static const char *ports_of(struct cli *cli, const json_t *container)
{
    const char *ports = "";
    size_t i;
    json_t *port;
    json_array_foreach (json_object_get(container, "Ports"), i, port) {
        const char *text = arena_printf(cli->arena, "%lld/%s", json_number(port, "PrivatePort"),
                                        json_text(port, "Type"));
        if (json_number(port, "PublicPort"))
            text = arena_printf(cli->arena, "%s:%lld->%s", json_text(port, "IP"),
                                json_number(port, "PublicPort"), text);
        ports = *ports ? arena_printf(cli->arena, "%s, %s", ports, text) : text;
    }
    return ports;
}

static const char *size_of(struct cli *cli, const json_t *container)
{
    const char *own = human_size(cli->arena, (double)json_number(container, "SizeRw"), 3);
    long long whole = json_number(container, "SizeRootFs");
    if (whole <= 0)
        return own;
    return arena_printf(cli->arena, "%s (virtual %s)", own,
                        human_size(cli->arena, (double)whole, 3));
}

/* An image that is known only by its id is shown by it, as short as other ids. */
static const char *image_of(struct cli *cli, const json_t *container, bool no_trunc)
{
    const char *image = json_text(container, "Image");
    const char *id = json_text(container, "ImageID");
    if (!*image)
        return "<no image>";
    return !no_trunc && strcmp(image, id) == 0 ? short_id(cli->arena, id) : image;
}

static json_t *row_of(struct cli *cli, const json_t *container, bool no_trunc)
{
    long long volumes;
    const char *id = json_text(container, "Id");
    const char *command = json_text(container, "Command");
    long long created = json_number(container, "Created");
    const char *mounts = mounts_of(cli, container, no_trunc, &volumes);
    json_t *labels = json_object_get(container, "Labels");
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "Command",
        arena_printf(cli->arena, "\"%s\"", no_trunc ? command : ellipsis(cli->arena, command, 20)),
        "CreatedAt", time_in_words(cli->arena, created), "ID",
        no_trunc ? id : short_id(cli->arena, id), "Image", image_of(cli, container, no_trunc),
        "Labels", labels_text(cli, labels), "LocalVolumes",
        arena_printf(cli->arena, "%lld", volumes), "Mounts", mounts, "Names",
        names_of(cli, container), "Networks", networks_of(cli, container), "Ports",
        ports_of(cli, container), "RunningFor", time_ago(cli->arena, created), "Size",
        size_of(cli, container), "State", json_text(container, "State"), "Status",
        json_text(container, "Status"), " labels",
        json_is_object(labels) ? json_incref(labels) : json_object());
}

static char *list_path(struct cli *cli, const struct list_options *options, const char *filters)
{
    bool wants_last = options->last.given && options->last.value > 0;
    char *path = arena_strdup(cli->arena, "/containers/json");
    path = with_query(cli, path, "all", options->all || options->latest || wants_last ? "1" : NULL);
    path = with_query(
        cli, path, "size",
        options->size || (options->format && strstr(options->format, ".Size")) ? "1" : NULL);
    if (wants_last || options->latest)
        path = with_query(cli, path, "limit",
                          arena_printf(cli->arena, "%lld",
                                       options->latest ? 1LL : (long long)options->last.value));
    return with_query(cli, path, "filters", filters);
}

static int run_list(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    const struct list_options *options = values;
    const char *filters;
    json_auto_t *answer = NULL;
    if (parse_filters(cli, &options->filter, &filters, e) < 0 ||
        ask(cli, "GET", list_path(cli, options, filters), NULL, &answer, e) < 0)
        return -1;
    json_auto_t *rows = json_array();
    size_t i;
    json_t *container;
    json_array_foreach (answer, i, container)
        json_array_append_new(rows, row_of(cli, container, options->no_trunc));
    const char *usual = options->quiet ? "{{.ID}}" : options->size ? TABLE "\t{{.Size}}" : TABLE;
    return print_rows(cli, columns, usual, options->format, rows, e);
}

const struct command list_command = {.usage = "[OPTIONS]",
                                     .summary = "List containers",
                                     .options = list_options,
                                     .values_size = sizeof(struct list_options),
                                     .run = run_list};
