#include <stdio.h>
#include <string.h>

#include "api/server.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/values.h"

struct daemon_options {
    bool debug;
    const char *data_root, *host, *storage_driver, *pidfile;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct daemon_options, field, letter, name, value, help)

static const struct option daemon_options[] = {
    OPT(data_root, 0, "data-root", "string", "Root directory of persistent state"),
    OPT(debug, 'D', "debug", NULL, "Enable debug mode"),
    OPT(data_root, 'g', "graph", "string", NULL),
    OPT(host, 'H', "host", "string", "Socket to listen on (unix://PATH)"),
    OPT(pidfile, 'p', "pidfile", "string", "Path to use for the daemon's PID file"),
    OPT(storage_driver, 's', "storage-driver", "string", "Storage driver to use (overlay or vfs)"),
    OPTIONS_END};

/* What the command's own options leave open, those before it say. */
static struct api_daemon_options with_globals(struct cli *cli, const struct daemon_options *options)
{
    return (struct api_daemon_options){
        .data_root = options->data_root ? absolute_path(cli, options->data_root) : cli->data_root,
        .storage_driver = options->storage_driver ? options->storage_driver : cli->storage_driver,
        .socket_path = options->host ? options->host : cli->host,
        .pidfile = absolute_path(cli, options->pidfile),
        .debug = options->debug || cli->debug};
}

static int run_daemon(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    struct api_daemon_options options = with_globals(cli, values);
    if (options.socket_path && starts_with(options.socket_path, "unix://"))
        options.socket_path += strlen("unix://");
    if (options.socket_path && options.socket_path[0] != '/')
        return fail_usage(e, "host %s: only unix://PATH is understood", options.socket_path);
    return api_daemon_main(&options, e);
}

const struct command daemon_command = {.usage = "[OPTIONS]",
                                       .summary = "Serve the Docker Engine API on a socket",
                                       .options = daemon_options,
                                       .values_size = sizeof(struct daemon_options),
                                       .run = run_daemon};
