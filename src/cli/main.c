/* One program, many names: `criu` by that name or as the first word, else the command line of the
 * engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cli/client.h"
#include "cli/containers.h"
#include "cli/globals.h"
#include "cli/help.h"
#include "criu/criu.h"

static int report_usage(const struct error *e, const char *path, int status)
{
    fprintf(stderr, "stasis: %s. See '%s --help'.\n", e->text, path);
    return status;
}

/* Docker puts its own name before the engine's errors of `run` only. */
static int report_failure(const struct command *command, const struct error *e)
{
    if (command->failure_status)
        fprintf(stderr, "stasis: %s\n", e->text);
    else
        report(e);
    return command->failure_status ? command->failure_status : 1;
}

static const char *needed_arguments(const struct command *command, struct arena *arena)
{
    size_t least = command->least, most = command->most;
    if (most == 0)
        return "accepts no arguments";
    const char *bound = least == most ? "" : most == ANY_NUMBER || least > 0 ? "at least " : "";
    size_t number = least;
    if (least == 0) {
        bound = "at most ";
        number = most;
    }
    return arena_printf(arena, "requires %s%zu argument%s", bound, number, number == 1 ? "" : "s");
}

static int run_command(struct cli *cli, const struct command *command, struct words words)
{
    struct error e = {0};
    void *values = arena_alloc(cli->arena, command->values_size + 1);
    if (command->defaults)
        memcpy(values, command->defaults, command->values_size);
    enum parse_outcome outcome =
        parse_options(command->options, command->options_first, values, &words, cli->arena, &e);
    if (outcome == PARSE_FAILED)
        return report_usage(&e, cli->path, 125);
    if (outcome == PARSE_HELP || !command->run) {
        print_help(stdout, command, cli->path, cli->arena);
        return 0;
    }
    if (words.count < command->least || words.count > command->most) {
        fail_usage(&e, "'%s' %s", cli->path, needed_arguments(command, cli->arena));
        return report_usage(&e, cli->path, 1);
    }
    int status = command->run(cli, values, words, &e);
    client_close(cli);
    if (status >= 0)
        return status;
    return e.code == USAGE_ERROR ? report_usage(&e, cli->path, 125) : report_failure(command, &e);
}

/* `stasis help run` is `stasis run --help`. */
static int help(struct cli *cli, struct words words)
{
    struct error e = {0};
    const struct command *command = find_command(&words, &cli->path, cli->arena, &e);
    if (e.code)
        return report_usage(&e, cli->path, 1);
    if (command)
        print_help(stdout, command, cli->path, cli->arena);
    else
        print_general_help(stdout, global_option_table, cli->arena);
    return 0;
}

static int run_stasis(struct arena *arena, struct words words)
{
    struct error e = {0};
    struct cli cli = {.arena = arena, .path = "stasis"};
    struct global_options globals = {0};
    switch (parse_options(global_option_table, true, &globals, &words, arena, &e)) {
    case PARSE_FAILED:
        return report_usage(&e, "stasis", 125);
    case PARSE_HELP:
        print_general_help(stdout, global_option_table, arena);
        return 0;
    case PARSE_DONE:
        break;
    }
    if (globals.version) {
        puts("Stasis version " STASIS_VERSION);
        return 0;
    }
    if (words.count == 0) {
        print_general_help(stderr, global_option_table, arena);
        return 1;
    }
    if (strcmp(words.items[0], "help") == 0)
        return help(&cli, (struct words){words.items + 1, words.count - 1});
    use_globals(&cli, &globals);
    const struct command *command = find_command(&words, &cli.path, arena, &e);
    if (!command)
        return report_usage(&e, cli.path, 1);
    return run_command(&cli, command, words);
}

/* What was printed may still fail to be written: to a full disk, say. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("stasis: writing to stdout");
    return status ? status : 1;
}

int main(int argc, char **argv)
{
    if (argc > 0 && !strcmp(basename(argv[0]), "criu"))
        return criu_main(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "criu"))
        return criu_main(argc - 1, argv + 1);
    AUTO_ARENA struct arena *arena = arena_new();
    struct words words = {argv + 1, argc > 0 ? (size_t)argc - 1 : 0};
    return flush_output(run_stasis(arena, words));
}
