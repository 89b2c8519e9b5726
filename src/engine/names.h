/* Names of containers: one link names/NAME -> ID each, so that the file system keeps them unique.
 */
#ifndef STASIS_ENGINE_NAMES_H
#define STASIS_ENGINE_NAMES_H

#include <stdbool.h>

#include "engine/store.h"

/* Is there a container of this name? Then its id. */
bool name_lookup(const struct engine *engine, const char *name, char id[ENGINE_ID_SIZE]);

/* Gives `id` this name. EEXIST with Docker's words where it is in use, EINVAL where it cannot be a
 * name. */
int name_claim(const struct engine *engine, const char *name, const char *id, struct error *e);

/* Gives `id` a free name of two words; the arena's. NULL: *e. */
const char *name_claim_any(const struct engine *engine, struct arena *arena, const char *id,
                           struct error *e);

void name_release(const struct engine *engine, const char *name, const char *id);

#endif
