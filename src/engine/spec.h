/* The OCI config.json of a container. Open Container Initiative runtime specification 1.0.2. */
#ifndef STASIS_ENGINE_SPEC_H
#define STASIS_ENGINE_SPEC_H

#include "engine/record.h"

/* Writes containers/ID/config.json. The root file system must be mounted: user names are looked up
 * in it. */
int spec_write(struct container *container, struct error *e);

/* The `process` object of an exec session with this configuration. NULL: *e. `rootfs` is the
 * container's root. */
json_t *spec_exec_process(const struct container *container, const json_t *config, int rootfs,
                          struct error *e);

/* linux.resources of the container. */
json_t *spec_resources(const struct container *container);

#endif
