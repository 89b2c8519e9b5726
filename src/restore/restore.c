/* The story of a restore. */
#include <errno.h>

#include "stasis.h"

pid_t stasis_restore(const struct stasis_options *options, struct error *e)
{
    (void)options;
    return fail(e, ENOSYS, "restore: not built yet");
}
