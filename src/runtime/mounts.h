/* The mounts of a container, made one by one below its root. open_tree(2), fsopen(2),
 * move_mount(2), mount_setattr(2). */
#ifndef STASIS_RUNTIME_MOUNTS_H
#define STASIS_RUNTIME_MOUNTS_H

#include "runtime/cgroup_hierarchies.h"
#include "runtime/spec.h"

/* A detached copy of the mount(s) at `path`. A descriptor, or -1 with errno. */
int mounts_clone(int dir, const char *path, bool recursive);

/* A new, detached mount of a file system of `type`; `data` are its options ("mode=755"). */
int mounts_new(const char *type, const char *source, const struct strings *data,
               uint64_t attributes, struct error *e);

/* Puts a detached mount on what `at` (O_PATH) refers to. 0, or -1 with errno. */
int mounts_attach(int mount, int at);

/* Makes one mount of config.json below `root`. `cgroups_path` is the container's. 0 or -1. */
int mounts_make(int root, const char *bundle, const struct mount_spec *mount,
                const struct hierarchies *hierarchies, const char *cgroups_path,
                struct arena *arena, struct error *e);

#endif
