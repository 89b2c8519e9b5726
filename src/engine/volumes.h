/* Volumes: directories below volumes/NAME/_data that outlive containers. */
#ifndef STASIS_ENGINE_VOLUMES_H
#define STASIS_ENGINE_VOLUMES_H

#include "engine/store.h"

/* Path of a volume's data, made where missing; the arena's. NULL: *e. */
const char *volume_ensure(struct engine *engine, struct arena *arena, const char *name,
                          bool anonymous, struct error *e);

/* Was it made for one container, without a name? */
bool volume_is_anonymous(struct engine *engine, const char *name);

#endif
