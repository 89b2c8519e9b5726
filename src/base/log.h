/* A log is a descriptor, a level and a start time; it is handed to who needs it.
 *
 * Lines look as CRIU's do, because other programs search them: `(00.020103) text`. */
#ifndef STASIS_BASE_LOG_H
#define STASIS_BASE_LOG_H

#include <time.h>

enum log_level { LOG_NOTHING = -1, LOG_MESSAGE = 0, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    int fd; /* -1: nothing is written */
    enum log_level level;
    struct timespec start; /* CLOCK_MONOTONIC */
};

/* A log on `fd`, which stays the caller's, that starts counting now. */
struct log log_on(int fd, enum log_level level);

/* Writes one line (without its newline in `format`) if `level` is within the log's. `log` may be
 * NULL. Errors are written as `Error (text)`, warnings as `Warn  (text)`. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
