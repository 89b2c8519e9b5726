/* dump.log and restore.log. */
#ifndef STASIS_ENGINE_WORK_LOG_H
#define STASIS_ENGINE_WORK_LOG_H

#include "engine/record.h"

/* Makes or empties `name` in the directory `work_dir`, made where missing, or (NULL) in the
 * container's record. A descriptor. */
int work_log_open(const struct container *container, const char *work_dir, const char *name,
                  struct error *e);

#endif
