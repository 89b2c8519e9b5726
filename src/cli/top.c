#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/format.h"

static const char *cells_of(struct cli *cli, const json_t *cells)
{
    const char *line = "";
    size_t i;
    json_t *cell;
    json_array_foreach (cells, i, cell) {
        const char *text = json_string_value(cell);
        line = arena_printf(cli->arena, "%s%s%s", line, i ? "\t" : "", text ? text : "");
    }
    return line;
}

static int run_top(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    json_auto_t *answer = NULL;
    struct text_list lines = {0};
    const char *arguments = NULL;
    for (size_t i = 1; i < words.count; i++)
        arguments =
            i == 1 ? words.items[i] : arena_printf(cli->arena, "%s %s", arguments, words.items[i]);
    char *path =
        with_query(cli, api_path(cli, "/containers/%s/top", words.items[0]), "ps_args", arguments);
    if (ask(cli, "GET", path, NULL, &answer, e) < 0)
        return -1;
    vec_add(cli->arena, &lines, cells_of(cli, json_object_get(answer, "Titles")));
    size_t i;
    json_t *process;
    json_array_foreach (json_object_get(answer, "Processes"), i, process)
        vec_add(cli->arena, &lines, cells_of(cli, process));
    print_aligned(cli, &lines, 20);
    return 0;
}

const struct command top_command = {.usage = "CONTAINER [ps OPTIONS]",
                                    .summary = "Display the running processes of a container",
                                    .least = 1,
                                    .most = ANY_NUMBER,
                                    .options_first = true,
                                    .run = run_top};
