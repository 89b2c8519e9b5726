#include "cli/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "cli/commands.h"

/* An id file that exists belongs to another container. */
static int open_id_file(const char *path, struct error *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(e, EEXIST,
                    "container ID file found, make sure the other container isn't running or "
                    "delete %s",
                    path);
    return fd < 0 ? fail_errno(e, "creating container ID file %s", path) : fd;
}

static int request_container(struct cli *cli, const struct container_options *options,
                             struct words words, const char **id, struct error *e)
{
    json_auto_t *spec = container_spec(cli, options, words, e);
    json_auto_t *answer = NULL;
    if (!spec)
        return -1;
    char *path =
        with_query(cli, arena_strdup(cli->arena, "/containers/create"), "name", options->name);
    if (ask(cli, "POST", path, spec, &answer, e) < 0)
        return -1;
    json_t *warning;
    size_t i;
    json_array_foreach (json_object_get(answer, "Warnings"), i, warning)
        fprintf(stderr, "WARNING: %s\n", json_string_value(warning));
    *id = arena_strdup(cli->arena, json_text(answer, "Id"));
    return 0;
}

int client_create_container(struct cli *cli, const struct container_options *options,
                            struct words words, const char **id, struct error *e)
{
    if (!*words.items[0])
        return fail_usage(e, "invalid reference format: the image has no name");
    AUTO_CLOSE int id_file = -1;
    if (options->cidfile && (id_file = open_id_file(options->cidfile, e)) < 0)
        return -1;
    if (request_container(cli, options, words, id, e) < 0) {
        if (options->cidfile)
            unlink(options->cidfile);
        return -1;
    }
    if (options->cidfile && write_all(id_file, *id, strlen(*id)) < 0)
        return fail_errno(e, "writing container ID file %s", options->cidfile);
    return 0;
}

static int run_create(struct cli *cli, const void *options, struct words words, struct error *e)
{
    const char *id;
    if (client_create_container(cli, options, words, &id, e) < 0)
        return -1;
    puts(id);
    return 0;
}

const struct command create_command = {
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create a new container",
    .options = create_option_table,
    .values_size = sizeof(struct container_options),
    .least = 1,
    .most = ANY_NUMBER,
    .options_first = true,
    .run = run_create,
};
