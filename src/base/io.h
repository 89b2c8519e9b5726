/* Whole reads and writes, and files that are replaced atomically. */
#ifndef STASIS_BASE_IO_H
#define STASIS_BASE_IO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* Writes all of `data`, going on after EINTR and short writes. 0, or -1 with errno. write(2). */
int write_all(int fd, const void *data, size_t size);

/* Reads until `size` bytes or end of file. The number of bytes read, or -1 with errno. read(2). */
ssize_t read_full(int fd, void *data, size_t size);

/* Reads a whole file into the arena with a zero byte behind it; *size (may be NULL) is its length
 * without that byte. Works for /proc files, whose size is not known. NULL after an error. */
char *read_fd_whole(int fd, struct arena *arena, size_t *size, struct error *e);
char *read_file_at(int dir_fd, const char *path, struct arena *arena, size_t *size,
                   struct error *e);

/* Replaces `path` by rename(2) of a complete new file with `mode`: a reader sees the old content or
 * the new, never half of it. 0, or -1 with *e. Not synced to disk. */
int replace_file_at(int dir_fd, const char *path, const void *data, size_t size, mode_t mode,
                    struct error *e);

/* One short write(2) of a string to an existing file, as /proc, /sys and cgroupfs want it. */
int write_string_at(int dir_fd, const char *path, const char *text, struct error *e);

/* mkdir -p below dir_fd. An existing directory is no error. */
int make_directories_at(int dir_fd, const char *path, mode_t mode, struct error *e);

/* A stream over the entries of a directory that has a position of its own; `dir_fd` (which may be
 * O_PATH) stays the caller's. NULL with errno. fdopendir(3) */
DIR *open_list(int dir_fd);

/* rm -rf below dir_fd, never following a symbolic link or leaving the file system's tree. What is
 * not there is no error. */
int remove_tree_at(int dir_fd, const char *path, struct error *e);

#endif
