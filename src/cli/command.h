/* What a command of the command line is: how it is called, what its help says and what it does. */
#ifndef STASIS_CLI_COMMAND_H
#define STASIS_CLI_COMMAND_H

#include "cli/options.h"

/* What every command is given. */
struct cli {
    struct arena *arena;
    const char *data_root;      /* NULL: the engine's own choice */
    const char *host;           /* NULL: the engine works in this process */
    const char *storage_driver; /* NULL: the engine's own choice */
    bool debug;
    const char *path;      /* the command as the user called it: "stasis container ls" */
    struct client *client; /* the connection to the engine; made by cli_client at first use */
};

struct command_name {
    const char *name; /* a list of names ends where it is NULL */
    const struct command *command;
};

struct command {
    const char *usage; /* what follows the name: "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
    const char *summary;
    const struct option *options; /* NULL: none */
    size_t values_size;           /* of the structure that the options fill */
    const void *defaults;         /* its content before any option; NULL: zeroes */
    size_t least, most;           /* number of arguments; most ANY_NUMBER: no limit */
    bool options_first;           /* what follows the first argument belongs to the container */
    bool classic_help;            /* help is laid out as Docker 1.10 did */
    int failure_status;           /* exit status when Stasis itself fails; 0: 1 */
    /* Exit status, or -1 with *e. */
    int (*run)(struct cli *cli, const void *options, struct words words, struct error *e);
    const struct command_name *group; /* commands below this one, or NULL */
};

#define ANY_NUMBER ((size_t)-1)

/* All commands of `stasis`, by name. */
extern const struct command_name all_commands[];

/* Finds the command that `words` begin with, taking its names off them; *path becomes the names as
 * called. NULL with *e when there is none. */
const struct command *find_command(struct words *words, const char **path, struct arena *arena,
                                   struct error *e);

/* Every way to call `command`, as "stasis container ls, stasis ps"; *count is their number. */
const char *command_aliases(const struct command *command, struct arena *arena, size_t *count);

/* The shortest of them. */
const char *command_shortest_alias(const struct command *command, struct arena *arena);

#endif
