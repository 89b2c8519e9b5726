/* /proc/PID/mountinfo as structures. See proc_pid_mountinfo(5). */
#ifndef STASIS_KERNEL_MOUNTINFO_H
#define STASIS_KERNEL_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* One line. Paths are unescaped; `point` is seen from the root of the process that it was read of.
 */
struct mountinfo {
    int id, parent;
    unsigned major, minor;
    const char *root, *point;
    const char *type, *source;
    const char *options;       /* of the mount: "ro,nosuid,relatime" */
    const char *super_options; /* of the file system: "rw,size=65536k" */
    uint32_t shared, master;   /* peer groups, 0: none */
    bool unbindable;
};
typedef VEC(struct mountinfo) mountinfo_list;

/* Reads the mounts of a process in the kernel's order; `proc` is a descriptor of /proc/PID. Strings
 * are in the arena. 0, or -1 with *e. */
int mountinfo_read(int proc, struct arena *arena, mountinfo_list *list, struct error *e);

/* Is `path` the directory `prefix` or below it? Both plain and absolute. */
bool path_is_below(const char *path, const char *prefix);

/* What follows `prefix` in `path`, which is below it: "" or "/...". */
const char *path_below(const char *path, const char *prefix);

#endif
