/* What Docker gives a container unless it is told otherwise, as parts of an OCI config.json.
 *
 * Every function returns a new reference that the caller owns (jansson's json_object_set_new and
 * json_array_append_new take it over). Facts as of Docker 24 to 28. */
#ifndef STASIS_RUNTIME_DEFAULTS_H
#define STASIS_RUNTIME_DEFAULTS_H

#include <jansson.h>
#include <stdbool.h>

/* Arrays of names ("CAP_CHOWN"): Docker's fourteen, and all that this process could hand on. */
json_t *runtime_default_capabilities(void);
json_t *runtime_all_capabilities(void);

/* linux.maskedPaths and linux.readonlyPaths. A privileged container has none. */
json_t *runtime_default_masked_paths(void);
json_t *runtime_default_readonly_paths(void);

/* `mounts`: /proc, /dev, /dev/pts, /sys, /sys/fs/cgroup, /dev/mqueue, /dev/shm. In a privileged
 * container /sys and /sys/fs/cgroup are writable. */
json_t *runtime_default_mounts(bool privileged);

/* linux.resources.devices: all denied but what default devices and mknod(2) need; everything
 * allowed in a privileged container. */
json_t *runtime_default_device_rules(bool privileged);

/* linux.devices of a privileged container: every device node below the host's /dev. */
json_t *runtime_host_devices(void);

/* linux.seccomp: Docker's default profile for a process with these capabilities (an array of
 * names, which stays the caller's). A privileged container has none. */
json_t *runtime_default_seccomp(const json_t *capabilities);

#endif
