/* Options that stand before every command. */
#ifndef STASIS_CLI_GLOBALS_H
#define STASIS_CLI_GLOBALS_H

#include "cli/command.h"

struct global_options {
    bool debug, version;
    const char *data_root, *host, *storage_driver;
};

extern const struct option global_option_table[];

/* Puts them, and the environment's STASIS_HOST and STASIS_DATA_ROOT where they are missing, into
 * *cli. */
void use_globals(struct cli *cli, const struct global_options *globals);

#endif
