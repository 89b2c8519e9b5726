/* Scope-bound release of what a function holds, so that every early return is safe. */
#ifndef STASIS_BASE_CLEANUP_H
#define STASIS_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close_(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose_(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline void cleanup_closedir_(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* Declare with an initial value: NULL for pointers, -1 for descriptors. */
#define AUTO_FREE __attribute__((cleanup(cleanup_free_)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close_)))
#define AUTO_FCLOSE __attribute__((cleanup(cleanup_fclose_)))
#define AUTO_CLOSEDIR __attribute__((cleanup(cleanup_closedir_)))

/* Hands a descriptor out of its scope: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
