#include "cli/embedded.h"

#include <errno.h>

struct embedded *embedded_open(struct cli *cli, struct error *e)
{
    (void)cli;
    fail(e, ENOSYS, "this build has no engine of its own yet: name a daemon by --host");
    return NULL;
}

int embedded_connect(struct embedded *embedded, struct error *e)
{
    (void)embedded;
    return fail(e, ENOSYS, "no engine");
}

void embedded_close(struct embedded *embedded)
{
    (void)embedded;
}
