/* libstasis: checkpoint and restore of process trees.
 *
 * Every call works on its arguments alone; nothing is kept between calls, several threads may call
 * at once. Descriptors that a caller hands in stay the caller's. The image format is CRIU 4.2's. */
#ifndef STASIS_H
#define STASIS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"

/* A pair of strings or a string and a number: see where it is used. */
struct stasis_mapping {
    const char *key;
    const char *value;
};

/* At restore, the file that was `key` ("pipe:[12345]", "socket:[1]", "dev/null", a path without its
 * first slash) is the caller's descriptor `fd` instead (a duplicate of it). */
struct stasis_inherited_fd {
    const char *key;
    int fd;
};

struct stasis_options {
    pid_t pid;          /* dump: root of the tree, as the caller's pid namespace counts */
    int images_dir;     /* descriptor of the image directory */
    const char *root;   /* root of the mount namespace (--root); NULL: as found / the image's */
    bool leave_running; /* dump: the tree goes on after it */
    bool leave_stopped; /* dump: the tree stays stopped after it */
    /* dump: do not wait until the killed tree has given back its memory. For a caller that exits at
     * once: what it traces stays unreaped while it lives. */
    bool leave_dying;
    bool shell_job;        /* session and terminal are the caller's */
    bool restore_detached; /* restore: return when the tree runs (the caller is not its parent) */
    bool restore_as_child; /* restore: the root task is a child of the calling process */
    bool manage_cgroups;   /* dump and restore cgroup membership and properties */
    /* Mounts whose source lies outside the mount namespace. Dump: key is the mount point inside,
     * value the name it is noted under. Restore: key is that name, value the source path. */
    const struct stasis_mapping *external_mounts;
    size_t external_mounts_count;
    /* Restore: cgroup path prefix per controller; key NULL or "" means every controller. */
    const struct stasis_mapping *cgroup_roots;
    size_t cgroup_roots_count;
    const struct stasis_inherited_fd *inherited_fds;
    size_t inherited_fds_count;
    /* Restore: parameters of a new network namespace, which images do not hold: key is a name such
     * as "net.ipv4.ip_forward". */
    const struct stasis_mapping *net_sysctls;
    size_t net_sysctls_count;
    const char
        *netns_path;       /* restore: join this network namespace instead of making one; or NULL */
    const struct log *log; /* NULL: nothing is logged */
    /* dump: called once all images are written, while the tree still stands still, to save what
     * belongs to the same moment (files that the tree wrote). If it fails, the dump fails and the
     * tree goes on. May be NULL. */
    int (*while_frozen)(void *context, struct error *e);
    void *while_frozen_context;
};

/* Writes images of the tree below options->pid into options->images_dir. On success the tree is
 * killed, or goes on or stays stopped as asked. On failure nothing that looks like an image is left
 * in the directory and the tree runs on as before. 0, or -1 with *e naming process and object. */
int stasis_dump(const struct stasis_options *options, struct error *e);

/* Builds the tree that options->images_dir holds. Returns the root task's pid as the caller's pid
 * namespace counts it, or -1 with *e and nothing left over. */
pid_t stasis_restore(const struct stasis_options *options, struct error *e);

#endif
