/* What kernel objects are to a dump and to a restore: the contexts, and the table of functions that
 * every kind of file answers. The stories in checkpoint/ and restore/ know no kind by name. */
#ifndef STASIS_OBJECTS_OBJECT_H
#define STASIS_OBJECTS_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "image/image.h"
#include "images.pb-c.h"
#include "kernel/mountinfo.h"
#include "stasis.h"

/* ---- dump ---- */

/* The process that an object is found in, as far as objects need it. */
struct owner {
    pid_t pid;     /* as the builder's pid namespace counts */
    uint32_t vpid; /* as the tree's root counts: what images hold */
    char comm[64];
    int pidfd;
    int proc; /* descriptor of /proc/PID */
};

/* One descriptor of a process, looked at from outside. */
struct fd_view {
    const struct owner *owner;
    int number; /* in the process; -1 for a file that is no descriptor (cwd, exe, mapping) */
    int fd;     /* the builder's duplicate by pidfd_getfd(2), or an O_PATH one where number is -1 */
    struct stat st; /* fstat(2) */
    const char
        *link; /* readlink of /proc/PID/fd/N: a path as the target sees it, or kind:[inode] */
    uint64_t position; /* pos, flags, mnt_id of /proc/PID/fdinfo/N */
    uint32_t flags;    /* without O_CLOEXEC */
    bool close_on_exec;
    int mount_id;
};

/* A set of namespaces that tasks live in: inode numbers as in /proc/PID/ns, and image ids. */
enum namespace_type {
    NS_PID,
    NS_NET,
    NS_IPC,
    NS_UTS,
    NS_TIME,
    NS_MNT,
    NS_USER,
    NS_CGROUP,
    NS_TYPES
};

struct namespace_id {
    enum namespace_type type;
    uint64_t inode;
    uint32_t id;  /* image id; the dumper's own namespaces are 1..8 */
    bool foreign; /* not the dumper's own: it is dumped and restored */
    pid_t member; /* a frozen process in it */
};

struct mount_table; /* objects/mount.h: mounts of the tree's mount namespace, by mount id */

struct dump {
    struct arena *arena;
    const struct stasis_options *options;
    const struct log *log;
    struct image_set *images;
    VEC(struct namespace_id) namespaces;
    const char *empty_archive;   /* tmpfs.c: the image of the first empty tmpfs */
    mountinfo_list *own_mounts;  /* mountns.c: those of the dumper */
    struct mount_table *mounts;  /* NULL while the tree shares the dumper's mount namespace */
    struct file_registry *files; /* objects/registry.c */
    struct image *files_image;   /* files.img, kept open until the end */
    struct image *pipes_data;    /* pipes-data.img, created at the first pipe with contents */
    struct image *terminals;     /* tty-info.img, created at the first terminal */
    VEC(uint32_t) pipes_seen;    /* pipe ids whose contents are stored */
    uint32_t next_ghost_id;
    struct image *remaps; /* remap-fpath.img, created at the first */
    struct owner *root;   /* the tree's root task */
};

/* ---- restore ---- */

/* What objects see of a restore. The story's own structure (restore/) begins with it. */
struct restore {
    struct arena *arena;
    const struct stasis_options *options;
    const struct log *log;
    int images_dir;
    int proc_self_fds;          /* /proc/self/fd of the builder, to open descriptors anew */
    struct staged_pipes *pipes; /* objects/pipe.c */
};

/* One open file of the image, and the descriptor that it became in the builder. */
struct staged_file {
    FileEntry *entry;
    int fd; /* staging descriptor, or -1 */
};

/* ---- kinds of files ---- */

struct file_kind {
    FdTypes type;
    const char *name; /* in messages: "pipe", "regular file" */
    /* Dump: is this descriptor of this kind? Asked in the order of the table in kinds.c. */
    bool (*recognise)(const struct fd_view *view);
    /* Dump: fills entry's message of this kind (type and id are set by the caller) and stores what
     * stands behind it. Called once per open file description. 0, or -1 with *e. */
    int (*save)(struct dump *dump, const struct fd_view *view, FileEntry *entry, struct error *e);
    /* Restore: checks entry and opens file->fd in the builder. Runs inside the tree's namespaces
     * with the builder's memory and descriptor table. 0, or -1 with *e. */
    int (*stage)(struct restore *restore, struct staged_file *file, struct error *e);
    /* Restore: closes what was only needed until all files are staged. NULL: nothing. */
    void (*end_staging)(struct restore *restore);
};

/* All kinds, the most specific first; ends in NULL. */
extern const struct file_kind *const file_kinds[];

/* The caller's descriptor that stands for the file `key` (options->inherited_fds), or -1. */
int inherited_fd(const struct restore *restore, const char *key);

/* `pid 17 (redis-server): fd 6`, for messages. In the arena. */
char *describe_view(struct arena *arena, const struct fd_view *view);

/* The image id of an open file description: the same for descriptors that share one (kcmp(2)
 * KCMP_FILE), saved by its kind at the first sight; *type (may be NULL) is its kind. 0 with *e
 * where the kind is not supported. */
uint32_t file_image_id(struct dump *dump, const struct fd_view *view, FdTypes *type,
                       struct error *e);

/* The same for a file that is no descriptor: the executable, a mapped file, cwd, root. `link` is
 * the name under /proc/PID ("exe", "cwd", "root", "map_files/..."), `flags` how it is to be opened.
 */
uint32_t path_image_id(struct dump *dump, const struct owner *owner, const char *link,
                       uint32_t flags, struct error *e);

/* ---- namespaces: one file per type ---- */

struct namespace_kind {
    enum namespace_type type;
    const char *proc_name; /* in /proc/PID/ns */
    int clone_flag;
    bool saved_inside; /* save runs in a thread that is inside the namespace (not for mnt, pid) */
    /* Writes the images of ns->id. The whole tree is frozen. NULL: nothing to write. */
    int (*save)(struct dump *dump, const struct namespace_id *ns, struct error *e);
    /* Fills the new namespace from the images of `id`. Runs inside all new namespaces of the tree
     * with the builder's memory and descriptor table. NULL: nothing to fill. */
    int (*fill)(struct restore *restore, uint32_t id, struct error *e);
};

extern const struct namespace_kind *const namespace_kinds[NS_TYPES];

#endif
