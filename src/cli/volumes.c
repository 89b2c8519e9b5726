/* volume create, inspect, ls and rm. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/format.h"
#include "cli/values.h"

struct volume_options {
    bool quiet, force;
    const char *format, *driver;
    struct text_list filter, label;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct volume_options, field, letter, name, value, help)

static const struct option list_options[] = {
    OPT(filter, 'f', "filter", "filter", "Provide filter values (e.g. \"dangling=true\")"),
    OPT(format, 0, "format", "string", FORMAT_HELP),
    OPT(quiet, 'q', "quiet", NULL, "Only display volume names"), OPTIONS_END};

static json_t *volume_row(struct cli *cli, const json_t *volume)
{
    json_t *labels = json_object_get(volume, "Labels");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "Driver", json_text(volume, "Driver"),
                     "Labels", labels_text(cli, labels), "Mountpoint",
                     json_text(volume, "Mountpoint"), "Name", json_text(volume, "Name"), "Scope",
                     json_text(volume, "Scope"), " labels",
                     json_is_object(labels) ? json_incref(labels) : json_object());
}

static int run_list(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    static const struct column columns[] = {{"Driver", "DRIVER"},         {"Labels", "LABELS"},
                                            {"Mountpoint", "MOUNTPOINT"}, {"Name", "VOLUME NAME"},
                                            {"Scope", "SCOPE"},           {0}};
    const struct volume_options *options = values;
    const char *filters;
    json_auto_t *answer = NULL;
    if (parse_filters(cli, &options->filter, &filters, e) < 0 ||
        ask(cli, "GET", with_query(cli, arena_strdup(cli->arena, "/volumes"), "filters", filters),
            NULL, &answer, e) < 0)
        return -1;
    json_auto_t *rows = json_array();
    size_t i;
    json_t *volume;
    json_array_foreach (json_object_get(answer, "Volumes"), i, volume)
        json_array_append_new(rows, volume_row(cli, volume));
    return print_rows(cli, columns, options->quiet ? "{{.Name}}" : "table {{.Driver}}\t{{.Name}}",
                      options->format, rows, e);
}

static const struct option create_options[] = {
    OPT(driver, 'd', "driver", "string", "Specify volume driver name (default \"local\")"),
    OPT(label, 0, "label", "list", "Set metadata for a volume"), OPTIONS_END};

static int run_create(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct volume_options *options = values;
    json_t *labels = json_object();
    json_auto_t *answer = NULL;
    json_auto_t *body =
        json_pack("{s:s, s:s, s:o}", "Name", words.count > 0 ? words.items[0] : "", "Driver",
                  options->driver ? options->driver : "local", "Labels", labels);
    for (size_t i = 0; i < options->label.count; i++) {
        const char *equals = strchrnul(options->label.items[i], '=');
        char *key = arena_strndup(cli->arena, options->label.items[i],
                                  (size_t)(equals - options->label.items[i]));
        json_object_set_new(labels, key, json_string(*equals ? equals + 1 : ""));
    }
    if (ask(cli, "POST", "/volumes/create", body, &answer, e) < 0)
        return -1;
    puts(json_text(answer, "Name"));
    return 0;
}

static const struct option remove_options[] = {
    OPT(force, 'f', "force", NULL, "Force the removal of one or more volumes"), OPTIONS_END};

static int remove_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct volume_options *options = values;
    char *path =
        with_query(cli, api_path(cli, "/volumes/%s", name), "force", options->force ? "1" : NULL);
    return tell(cli, "DELETE", path, NULL, e);
}

static int run_remove(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)e;
    return for_each_name(cli, options, words, remove_one);
}

static const struct option inspect_options[] = {
    OPT(format, 'f', "format", "string", OBJECT_FORMAT_HELP), OPTIONS_END};

static int run_inspect(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct volume_options *options = values;
    return inspect_kind(cli, "volume", options->format, words, e);
}

static const struct command list_volumes_command = {.usage = "[OPTIONS]",
                                                    .summary = "List volumes",
                                                    .options = list_options,
                                                    .values_size = sizeof(struct volume_options),
                                                    .run = run_list};

static const struct command create_volume_command = {.usage = "[OPTIONS] [VOLUME]",
                                                     .summary = "Create a volume",
                                                     .options = create_options,
                                                     .values_size = sizeof(struct volume_options),
                                                     .most = 1,
                                                     .run = run_create};

static const struct command remove_volume_command = {.usage = "[OPTIONS] VOLUME [VOLUME...]",
                                                     .summary = "Remove one or more volumes",
                                                     .options = remove_options,
                                                     .values_size = sizeof(struct volume_options),
                                                     .least = 1,
                                                     .most = ANY_NUMBER,
                                                     .run = run_remove};

static const struct command inspect_volume_command = {
    .usage = "[OPTIONS] VOLUME [VOLUME...]",
    .summary = "Display detailed information on one or more volumes",
    .options = inspect_options,
    .values_size = sizeof(struct volume_options),
    .least = 1,
    .most = ANY_NUMBER,
    .run = run_inspect};

static const struct command_name volume_group[] = {{"create", &create_volume_command},
                                                   {"inspect", &inspect_volume_command},
                                                   {"ls", &list_volumes_command},
                                                   {"list", &list_volumes_command},
                                                   {"rm", &remove_volume_command},
                                                   {"remove", &remove_volume_command},
                                                   {0}};

const struct command volume_command = {.summary = "Manage volumes", .group = volume_group};
