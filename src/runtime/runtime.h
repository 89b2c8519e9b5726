/* Creates containers from OCI bundles, and runs further processes in them.
 *
 * Rests on the OCI runtime specification 1.0.2 (config.json); namespaces(7), cgroups(7),
 * capabilities(7), seccomp(2), mount_namespaces(7). Callers are single-threaded: between clone3(2)
 * and execve(2) the child goes on with a copy of their memory. */
#ifndef STASIS_RUNTIME_RUNTIME_H
#define STASIS_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* Descriptors that become 0, 1 and 2; they stay the caller's. */
struct runtime_stdio {
    int in, out, err;
};

struct runtime_container {
    const char *id;
    const char *bundle;        /* directory with config.json; a relative root.path is below it */
    const char *seccomp_cache; /* directory that keeps compiled filters between runs, or NULL */
    struct runtime_stdio stdio;
};

/* Creates the container of config.json and executes its process, whose parent is the caller.
 * Makes its cgroups (linux.cgroupsPath), namespaces and mounts. Returns the init's pid once
 * execve(2) has succeeded. On failure -1, nothing left over, and e->code ENOENT if and only if the
 * command (or process.cwd) is not there, EACCES if and only if it cannot be executed (Docker's exit
 * codes 127 and 126).
 * With process.terminal, stdio.in must be a terminal: it becomes the controlling one. */
pid_t runtime_start(const struct runtime_container *container, struct error *e);

/* Executes another process (the OCI `process` object, as JSON text) in the namespaces, cgroups and
 * seccomp filter of the container whose init is `init`. Its parent is the caller. Errors as those
 * of runtime_start. */
pid_t runtime_exec(const struct runtime_container *container, pid_t init, const char *process_json,
                   struct error *e);

/* A mount of the container that shows something from outside it: `destination` is the mount point
 * as the container sees it, with links resolved, `source` a path of the caller's. */
struct runtime_mount {
    const char *destination;
    const char *source;
};

struct runtime_mounts {
    struct runtime_mount *items;
    size_t count, capacity;
};

/* Bind mounts, cgroup v1 mounts and masked files of config.json: what a checkpoint notes as
 * external mounts and a restore is given sources for. The rootfs must be there. 0 or -1. */
int runtime_external_mounts(const struct runtime_container *container, struct arena *arena,
                            struct runtime_mounts *mounts, struct error *e);

/* Makes the missing mount points of config.json in the rootfs, for a restore into a container that
 * never ran. runtime_start does this by itself. 0 or -1. */
int runtime_make_mount_points(const struct runtime_container *container, struct error *e);

/* cgroups of a container, by its linux.cgroupsPath, on every mounted hierarchy: v1, v2 or both.
 * `resources_json` is the OCI linux.resources object as JSON text, or NULL. All return 0 or -1.
 *
 * Creates the cgroups, existing ones are no error, and sets the limits. On failure what was made
 * is removed. */
int runtime_cgroup_create(const char *cgroups_path, const char *resources_json, struct error *e);
int runtime_cgroup_add(const char *cgroups_path, pid_t pid, struct error *e);
int runtime_cgroup_update(const char *cgroups_path, const char *resources_json, struct error *e);
/* Returns once every process in it stands still, or goes on. */
int runtime_cgroup_freeze(const char *cgroups_path, bool frozen, struct error *e);
/* Sends `signal` to every process in it and below; SIGKILL reaches also those just being forked. */
int runtime_cgroup_signal(const char *cgroups_path, int signal, struct error *e);
/* Waits (at most ten seconds) for processes in it that are exiting and removes it with all cgroups
 * below. None there is no error; EBUSY if processes stay. */
int runtime_cgroup_remove(const char *cgroups_path, struct error *e);
/* Adds the pids of all processes in it and below to `pids` (an arena's array of *count). */
int runtime_cgroup_pids(const char *cgroups_path, struct arena *arena, pid_t **pids, size_t *count,
                        struct error *e);

#endif
