/* Directories that a client names in a request. */
#ifndef STASIS_API_CHECKPOINT_PATHS_H
#define STASIS_API_CHECKPOINT_PATHS_H

#include "base/error.h"

/* Accepts an absolute path; NULL and "" are no path (*path becomes NULL). EINVAL for anything else:
 * a path of the client's would be relative to this process. */
int checkpoint_path(const char *text, const char **path, struct error *e);

#endif
