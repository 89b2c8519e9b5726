/* Help texts, made from the tables of commands and options. */
#ifndef STASIS_CLI_HELP_H
#define STASIS_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* The help of one command, as `path` ("stasis container ls") calls it. */
void print_help(FILE *out, const struct command *command, const char *path, struct arena *arena);

/* The help of `stasis` itself. */
void print_general_help(FILE *out, const struct option *global_options, struct arena *arena);

/* The whole manual page stasis(1), for man(7). */
void print_manual(FILE *out, const struct option *global_options, struct arena *arena);

#endif
