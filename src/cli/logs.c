#include <string.h>

#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/values.h"

struct logs_options {
    bool details, follow, timestamps;
    const char *since, *until, *tail;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct logs_options, field, letter, name, value, help)

static const struct option logs_options[] = {
    OPT(details, 0, "details", NULL, "Show extra details provided to logs"),
    OPT(follow, 'f', "follow", NULL, "Follow log output"),
    OPT(since, 0, "since", "string",
        "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for "
        "42 minutes)"),
    OPT(tail, 'n', "tail", "string",
        "Number of lines to show from the end of the logs (default \"all\")"),
    OPT(timestamps, 't', "timestamps", NULL, "Show timestamps"),
    OPT(until, 0, "until", "string",
        "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" "
        "for 42 minutes)"),
    OPTIONS_END};

static int logs_path(struct cli *cli, const struct logs_options *options, const char *name,
                     char **path, struct error *e)
{
    const char *since = NULL, *until = NULL;
    if ((options->since && parse_since(cli, options->since, &since, e) < 0) ||
        (options->until && parse_since(cli, options->until, &until, e) < 0))
        return -1;
    *path = api_path(cli, "/containers/%s/logs?stdout=1&stderr=1", name);
    *path = with_query(cli, *path, "follow", options->follow ? "1" : NULL);
    *path = with_query(cli, *path, "timestamps", options->timestamps ? "1" : NULL);
    *path = with_query(cli, *path, "details", options->details ? "1" : NULL);
    *path = with_query(cli, *path, "tail", options->tail);
    *path = with_query(cli, *path, "since", since);
    *path = with_query(cli, *path, "until", until);
    return 0;
}

/* A container with a terminal has a log without frames. */
static int run_logs(struct cli *cli, const void *values, struct words words, struct error *e)
{
    struct http_request request = {.method = "GET"};
    AUTO_STREAM struct stream stream = {0};
    char *path;
    json_auto_t *container = NULL;
    if (logs_path(cli, values, words.items[0], &path, e) < 0 ||
        ask(cli, "GET", api_path(cli, "/containers/%s/json", words.items[0]), NULL, &container, e) <
            0)
        return -1;
    bool raw = json_is_true(json_object_get(json_object_get(container, "Config"), "Tty"));
    request.path = path;
    if (stream_open(cli, &request, &stream, e) < 0)
        return -1;
    return copy_output(&stream, raw, e);
}

const struct command logs_command = {.usage = "[OPTIONS] CONTAINER",
                                     .summary = "Fetch the logs of a container",
                                     .options = logs_options,
                                     .values_size = sizeof(struct logs_options),
                                     .least = 1,
                                     .most = 1,
                                     .run = run_logs};
