/* checkpoint.json: size and digest of every file of a checkpoint. */
#ifndef STASIS_ENGINE_CHECKPOINT_FILES_H
#define STASIS_ENGINE_CHECKPOINT_FILES_H

#include <jansson.h>

#include "base/error.h"

#define CHECKPOINT_ABOUT "checkpoint.json"
#define CHECKPOINT_ABOUT_ROOM (64 << 10)

/* Adds "Files" to `about` and writes it over the room that was reserved. */
int checkpoint_files_note(int dir, json_t *about, struct error *e);

/* Is every file there as it was noted? EINVAL names the first that is not. */
int checkpoint_files_verify(int dir, const json_t *about, struct error *e);

#endif
