/* Layers as tar archives: read safely into a directory, written from one.
 *
 * OCI image specification, layer.md: a removed file is an empty file `.wh.NAME`, a directory whose
 * lower content is hidden holds `.wh..wh..opq`. Entries are untrusted: nothing is made outside the
 * directory, whatever links the archive contains (openat2(2), RESOLVE_IN_ROOT). */
#ifndef STASIS_ENGINE_LAYER_TAR_H
#define STASIS_ENGINE_LAYER_TAR_H

#include <sys/types.h>
#include <time.h>

#include "base/error.h"

struct archive;

enum whiteouts {
    WHITEOUTS_AS_OVERLAY, /* become character devices 0:0 and opaque directories */
    WHITEOUTS_REMOVE,     /* remove what they name */
    WHITEOUTS_NONE,       /* are plain names: only files, directories and links are extracted, and
                             they belong to the caller */
};

/* Extracts every entry that `archive` (of libarchive, opened) still has. *size (may be NULL) gets
 * the bytes of all regular files. */
int layer_tar_extract_archive(struct archive *archive, int dir, enum whiteouts whiteouts,
                              long long *size, struct error *e);

/* The same from a descriptor: plain or compressed. */
int layer_tar_extract(int tar, int dir, enum whiteouts whiteouts, struct error *e);

/* Writes the content of an overlay upper directory to the new file `path` below `dir`; an empty
 * one makes no file. */
int layer_tar_write_upper(int upper, int dir, const char *path, struct error *e);

/* A writer that takes entries one by one: the tree of vfs is compared file by file. */
struct layer_writer;
struct layer_writer *layer_writer_open(int fd, struct error *e);
/* Adds NAME of directory `dir` as `path`, with owner, mode, times and attributes (without those of
 * the overlay itself); a directory without what is in it. Sockets are left out. */
int layer_writer_add(struct layer_writer *writer, int dir, const char *name, const char *path,
                     struct error *e);

/* An entry that is on no disk, owned by root. */
struct made_entry {
    const char *path;
    mode_t mode;        /* with its type */
    long long size;     /* of a regular file */
    const char *target; /* of a symbolic link */
    time_t time;
};
/* Begins such an entry; layer_writer_write then takes exactly `size` bytes. */
int layer_writer_begin(struct layer_writer *writer, const struct made_entry *made, struct error *e);
int layer_writer_write(struct layer_writer *writer, const void *data, size_t size, struct error *e);
/* Adds a file of these bytes, owned by root. */
int layer_writer_add_bytes(struct layer_writer *writer, const char *path, const void *data,
                           size_t size, struct error *e);
/* Adds a regular file with the first `size` bytes of the file `fd`. */
int layer_writer_add_stream(struct layer_writer *writer, const char *path, int fd, long long size,
                            struct error *e);
/* Ends the archive; always frees the writer. */
int layer_writer_close(struct layer_writer *writer, struct error *e);
void layer_writer_drop(struct layer_writer *writer);

#endif
