/* Options of an OCI mount, sorted by what the kernel wants them as. mount(8), mount_setattr(2). */
#ifndef STASIS_RUNTIME_MOUNT_OPTIONS_H
#define STASIS_RUNTIME_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/spec.h"

struct mount_options {
    uint64_t set, clear;                         /* MOUNT_ATTR_... of the mount itself */
    uint64_t recursive_set, recursive_clear;     /* and of all mounts below it */
    uint64_t propagation, recursive_propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, ... or 0 */
    bool bind, recursive_bind;
    struct strings data; /* what the file system itself is told: "size=64m" */
};

int mount_options_read(struct mount_options *options, const struct strings *words,
                       struct arena *arena, struct error *e);

#endif
