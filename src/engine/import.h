/* Making an image of one layer. */
#ifndef STASIS_ENGINE_IMPORT_H
#define STASIS_ENGINE_IMPORT_H

#include "engine/store.h"

struct import {
    const char *reference; /* NULL: no name */
    const json_t *changes; /* array of Dockerfile lines; NULL: none */
    const char *comment;
    const char *created; /* RFC 3339 */
};

/* Makes an image of the layer whose tar (plain or compressed) `tar` gives; fills its id. */
int import_layer(struct engine *engine, const struct import *import, int tar,
                 char id[ENGINE_IMAGE_ID_SIZE], struct error *e);

#endif
