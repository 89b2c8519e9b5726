/* Creates containers from OCI bundles, and runs further processes in them.
 *
 * Rests on the OCI runtime specification 1.0.2 (config.json); namespaces(7), cgroups(7),
 * capabilities(7), seccomp(2), mount_namespaces(7). */
#ifndef STASIS_RUNTIME_RUNTIME_H
#define STASIS_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Descriptors that become 0, 1 and 2; they stay the caller's. */
struct runtime_stdio {
    int in, out, err;
};

struct runtime_container {
    const char *id;
    const char *bundle;        /* directory with config.json */
    const char *seccomp_cache; /* directory that keeps compiled filters between runs, or NULL */
    struct runtime_stdio stdio;
};

/* Creates the container of config.json and executes its process, whose parent is the caller.
 * Makes its cgroups (linux.cgroupsPath), namespaces and mounts. Returns the init's pid once
 * execve(2) has succeeded. On failure -1, nothing left over, and e->code ENOENT or EACCES where the
 * command itself could not be executed (Docker's exit codes 127 and 126). */
pid_t runtime_start(const struct runtime_container *container, struct error *e);

/* Executes another process (the OCI `process` object, as JSON text) in the namespaces and cgroups
 * of the container whose init is `init`. Its parent is the caller. As runtime_start otherwise. */
pid_t runtime_exec(const struct runtime_container *container, pid_t init, const char *process_json,
                   struct error *e);

/* cgroups of a container, by its linux.cgroupsPath, on every mounted v1 hierarchy or on v2. */
int runtime_cgroup_create(const char *cgroups_path, const char *resources_json, struct error *e);
int runtime_cgroup_add(const char *cgroups_path, pid_t pid, struct error *e);
int runtime_cgroup_update(const char *cgroups_path, const char *resources_json, struct error *e);
int runtime_cgroup_freeze(const char *cgroups_path, bool frozen, struct error *e);
/* Sends `signal` to every process in it. */
int runtime_cgroup_signal(const char *cgroups_path, int signal, struct error *e);
/* Removes the (empty) cgroups; none there is no error. */
int runtime_cgroup_remove(const char *cgroups_path, struct error *e);

#endif
