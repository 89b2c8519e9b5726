/* Medians and their ratios, as a table. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void note(struct series *series, double time)
{
    if (series->count == MOST_ROUNDS)
        errx(1, "too many rounds");
    series->times[series->count++] = time;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct series *series)
{
    double sorted[MOST_ROUNDS];
    size_t count = series->count > 1 ? (size_t)series->count - 1 : 1;
    memcpy(sorted, series->times + series->count - count, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_size);
    return sorted[count / 2];
}

/* A limit of 0: none is set. What was not measured is not shown. */
static void line(const char *what, const struct series *series, const struct series *unit,
                 double limit)
{
    if (series->count == 0)
        return;
    double time = median(series), ratio = time / median(unit);
    printf("%-44s %9.2f ms %8.2f", what, time * 1e3, ratio);
    if (limit > 0)
        printf(" %7.1f  %s", limit, ratio <= limit ? "within" : "OVER");
    putchar('\n');
}

void report(const struct bench *bench)
{
    const struct series *unit = &bench->unit;
    printf("%-44s %12s %8s %7s\n", "", "median", "ratio", "limit");
    line("fork + exec of /bin/true", unit, unit, 0);
    line("stasis run -d, the shell loop", &bench->run, unit, 15);
    line("stasis checkpoint", &bench->checkpoint, unit, 15);
    line("stasis restore", &bench->restore, unit, 15);
    line("criu dump, one process", &bench->dump_one, unit, 4);
    line("criu restore, one process", &bench->restore_one, unit, 4);
    line("criu dump, 50 processes", &bench->dump_fifty, unit, 0);
    line("criu restore, 50 processes", &bench->restore_fifty, unit, 0);
    line("write(2) of 256 MiB into a new file", &bench->write, &bench->write, 0);
    line("criu dump of 256 MiB", &bench->dump_large, &bench->write, 1.3);
    line("read(2) of 256 MiB into fresh memory", &bench->read, &bench->read, 0);
    line("criu restore of 256 MiB", &bench->restore_large, &bench->read, 1.3);
}
