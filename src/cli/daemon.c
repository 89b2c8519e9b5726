#include <errno.h>

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

static int run_daemon(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)cli;
    (void)values;
    (void)words;
    return fail(e, ENOSYS, "this build has no daemon yet");
}

const struct command daemon_command = {.usage = "[OPTIONS]",
                                       .summary = "Serve the Docker Engine API on a socket",
                                       .options = daemon_options,
                                       .values_size = sizeof(struct daemon_options),
                                       .run = run_daemon};
