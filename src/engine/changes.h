/* Dockerfile lines that change an image's configuration (docker import --change). */
#ifndef STASIS_ENGINE_CHANGES_H
#define STASIS_ENGINE_CHANGES_H

#include "engine/store.h"

/* Applies lines like `CMD ["sh"]` to `config`. EINVAL names the line that cannot be applied. */
int changes_apply(json_t *config, const json_t *lines, struct error *e);

#endif
