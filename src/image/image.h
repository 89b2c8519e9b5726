/* Image files: a common word, a kind's magic, then entries of { u32 length, message }.
 *
 * Names, magics and messages are CRIU 4.2's. A directory of images is written through an image set:
 * inventory.img comes last, by rename(2), so that a directory without it is no checkpoint; where
 * the directory holds a checkpoint already, that one stays until the new one is whole. Everything
 * read is untrusted. */
#ifndef STASIS_IMAGE_IMAGE_H
#define STASIS_IMAGE_IMAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum image_kind {
    IMAGE_INVENTORY,
    IMAGE_PSTREE,
    IMAGE_CORE,          /* by pid or tid */
    IMAGE_IDS,           /* by pid */
    IMAGE_MM,            /* by pid */
    IMAGE_FS,            /* by pid */
    IMAGE_PAGEMAP,       /* by pid */
    IMAGE_SHMEM_PAGEMAP, /* by shmid */
    IMAGE_FDINFO,        /* by files id */
    IMAGE_FILES,
    IMAGE_PIPES_DATA,
    IMAGE_FIFO_DATA,
    IMAGE_SECCOMP,
    IMAGE_REMAP_FPATH,
    IMAGE_GHOST_FILE, /* by ghost id */
    IMAGE_MEMFD_INODE,
    IMAGE_TTY_INFO,
    IMAGE_CGROUP,
    IMAGE_TIMENS, /* by namespace id, like all below */
    IMAGE_PIDNS,
    IMAGE_UTSNS,
    IMAGE_IPC_VAR,
    IMAGE_IPCNS_SHM,
    IMAGE_IPCNS_MSG,
    IMAGE_IPCNS_SEM,
    IMAGE_MNTS,
    IMAGE_NETDEV,
    IMAGE_NETNS,
    IMAGE_USERNS,
    IMAGE_STATS_DUMP,
    IMAGE_STATS_RESTORE,
    IMAGE_KINDS
};

/* The file name of a kind: `id` fills the number in names that have one. In the arena. */
char *image_name(struct arena *arena, enum image_kind kind, uint32_t id);

/* ---- writing ---- */

struct image_set;
struct image;

/* Starts a set that will be published in the directory `dir_fd` (the caller's). NULL with *e. */
struct image_set *image_set_new(struct arena *arena, int dir_fd, struct error *e);
/* Where the files of the set gather; owned by the set. What is made there by other means than
 * image_set_create and image_close must be adopted, or it is neither published nor removed. */
int image_set_dir(const struct image_set *set);
void image_set_adopt(struct image_set *set, const char *name);
/* Creates a raw file of the set (pages, ghosts, archives), open for reading and writing, the
 * caller's to close. -1 with *e. */
int image_set_create(struct image_set *set, const char *name, struct error *e);
/* Renames all files into place, inventory.img last. 0, or -1 with *e and the set still abandonable.
 */
int image_set_commit(struct image_set *set, struct error *e);
/* Removes what was written. Does nothing after a commit. Always call it in the end. */
void image_set_abandon(struct image_set *set);

/* Starts a file of the set. It is buffered in memory; image_close hands it over to be written in
 * the background: what fails then is told by a later image_close or by the commit. */
struct image *image_create(struct image_set *set, enum image_kind kind, uint32_t id);
void image_add(struct image *image, const ProtobufCMessage *message);
/* Bytes that follow an entry without a length of their own. */
void image_add_raw(struct image *image, const void *data, size_t size);
int image_close(struct image *image, struct error *e);
/* create, add one entry, close. */
int image_write_one(struct image_set *set, enum image_kind kind, uint32_t id,
                    const ProtobufCMessage *message, struct error *e);

/* ---- reading ---- */

struct image_reader;

/* Opens a file and checks its magic. A file that does not exist gives NULL with e->code ENOENT. The
 * reader and its messages live in the arena. */
struct image_reader *image_open(struct arena *arena, int dir_fd, enum image_kind kind, uint32_t id,
                                struct error *e);
/* The next entry, unpacked into the arena; NULL at the end (e->code is 0) or on damage. */
void *image_next(struct image_reader *reader, const ProtobufCMessageDescriptor *descriptor,
                 struct error *e);
/* The next `size` raw bytes (in the arena). NULL with *e if there are fewer. */
const void *image_next_raw(struct image_reader *reader, size_t size, struct error *e);
/* Opens, reads exactly one entry. NULL with *e. */
void *image_read_one(struct arena *arena, int dir_fd, enum image_kind kind, uint32_t id,
                     const ProtobufCMessageDescriptor *descriptor, struct error *e);

#endif
