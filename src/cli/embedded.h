/* The engine inside this process, for work without a daemon. */
#ifndef STASIS_CLI_EMBEDDED_H
#define STASIS_CLI_EMBEDDED_H

#include "cli/command.h"

struct embedded;

/* Opens the engine of cli->data_root. Lives until the process ends. NULL with *e. */
struct embedded *embedded_open(struct cli *cli, struct error *e);

/* A connection to it; the caller closes it. -1 with *e. */
int embedded_connect(struct embedded *embedded, struct error *e);

/* Lets what was asked come to its end. */
void embedded_close(struct embedded *embedded);

#endif
