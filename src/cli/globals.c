#include "cli/globals.h"

#include <stdlib.h>

#include "cli/values.h"

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct global_options, field, letter, name, value, help)

const struct option global_option_table[] = {
    OPT(data_root, 0, "data-root", "string",
        "Root directory of persistent state, for work without a daemon"),
    OPT(debug, 'D', "debug", NULL, "Enable debug mode"),
    OPT(data_root, 'g', "graph", "string", NULL),
    OPT(host, 'H', "host", "string",
        "Daemon socket to connect to (unix://PATH); without it no daemon is needed"),
    OPT(storage_driver, 's', "storage-driver", "string", "Storage driver to use (overlay or vfs)"),
    OPT(version, 'v', "version", NULL, "Print version information and quit"),
    OPTIONS_END};

static const char *or_environment(const char *text, const char *variable)
{
    const char *value = text ? text : getenv(variable);
    return value && *value ? value : NULL;
}

void use_globals(struct cli *cli, const struct global_options *globals)
{
    cli->debug = globals->debug;
    cli->storage_driver = globals->storage_driver;
    cli->data_root = or_environment(globals->data_root, "STASIS_DATA_ROOT");
    cli->host = or_environment(globals->host, "STASIS_HOST");
    /* A data root that is named means work on it right here, whatever the environment's daemon. */
    if (globals->data_root && !globals->host)
        cli->host = NULL;
    cli->data_root = absolute_path(cli, cli->data_root);
}
