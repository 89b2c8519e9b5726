/* The end of a container's record. */
#ifndef STASIS_ENGINE_REMOVE_H
#define STASIS_ENGINE_REMOVE_H

#include "engine/record.h"

/* Removes a container that does not run: its name, its directory, and with `volumes` its volumes
 * without names. EBUSY where it runs. */
int container_remove(struct container *container, bool volumes, struct error *e);

#endif
