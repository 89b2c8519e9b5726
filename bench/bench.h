/* What the bench measures, and how it is shown. */
#ifndef STASIS_BENCH_H
#define STASIS_BENCH_H

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

enum { MOST_ROUNDS = 64 };

/* Times of one thing, in seconds. The first does not count: it warms up. */
struct series {
    double times[MOST_ROUNDS];
    int count;
};

struct bench {
    int directories; /* how many were made */
    char self[PATH_MAX], stasis[PATH_MAX], criu[PATH_MAX];
    char directory[PATH_MAX], root[PATH_MAX]; /* scratch; the engine's data root below it */
    struct series unit, write, read;
    struct series run, checkpoint, restore;
    struct series dump_one, restore_one, dump_fifty, restore_fifty, dump_large, restore_large;
};

double seconds(void);
void note(struct series *series, double time);
void make_name(char *name, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report(const struct bench *bench);

#endif
