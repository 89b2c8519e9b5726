/* The engine inside this process, for work without a daemon. */
#ifndef STASIS_CLI_EMBEDDED_H
#define STASIS_CLI_EMBEDDED_H

#include "cli/command.h"

struct embedded;

/* Opens the engine of cli->data_root and starts to serve it, until the process ends: taking it down
 * in good order would cost time and save nothing. NULL with *e. */
struct embedded *embedded_open(struct cli *cli, struct error *e);

/* A connection to it; the caller closes it. -1 with *e. */
int embedded_connect(struct embedded *embedded, struct error *e);

#endif
