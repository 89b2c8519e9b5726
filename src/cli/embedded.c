#include "cli/embedded.h"

#include <unistd.h>

#include "api/server.h"
#include "engine/engine.h"

struct embedded {
    struct log log;
    struct api_server *server;
};

struct embedded *embedded_open(struct cli *cli, struct error *e)
{
    struct embedded *embedded = arena_alloc(cli->arena, sizeof(*embedded));
    struct engine_options options = {.data_root = cli->data_root,
                                     .storage_driver = cli->storage_driver,
                                     .version = STASIS_VERSION};
    struct engine *engine = engine_open(&options, e);
    if (!engine)
        return NULL;
    embedded->log = log_on(STDERR_FILENO, LOG_DEBUG);
    embedded->server = api_server_start(engine, cli->debug ? &embedded->log : NULL, e);
    return embedded->server ? embedded : NULL;
}

int embedded_connect(struct embedded *embedded, struct error *e)
{
    return api_server_connect(embedded->server, e);
}
