/* What of the host or of volumes a container shows: from -v, --mount, --tmpfs and VOLUME. */
#ifndef STASIS_ENGINE_MOUNTS_H
#define STASIS_ENGINE_MOUNTS_H

#include "engine/store.h"

/* The MountPoints of a new container, an array like `Mounts` of inspect; makes the volumes that
 * are missing. `config` and `host_config` are the container's. NULL: *e. */
json_t *mounts_plan(struct engine *engine, const json_t *config, const json_t *host_config,
                    struct error *e);

/* The same as OCI mounts, appended to `mounts`. */
int mounts_append_oci(json_t *mounts, const json_t *mount_points, const json_t *host_config,
                      struct error *e);

#endif
