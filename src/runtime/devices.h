/* Device nodes and the usual links of a container's /dev. mknod(2); OCI config-linux, Devices. */
#ifndef STASIS_RUNTIME_DEVICES_H
#define STASIS_RUNTIME_DEVICES_H

#include "runtime/spec.h"

/* Makes null, zero, full, random, urandom, tty, those of linux.devices, and the links fd, stdin,
 * stdout, stderr, ptmx below `root`, unless its /dev is a bind mount. 0 or -1. */
int devices_make(int root, const struct spec *spec, struct arena *arena, struct error *e);

#endif
