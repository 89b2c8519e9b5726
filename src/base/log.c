#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

struct log log_on(int fd, enum log_level level)
{
    struct log log = {.fd = fd, .level = level};
    clock_gettime(CLOCK_MONOTONIC, &log.start);
    return log;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || log->fd < 0 || level > log->level)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long micros =
        (now.tv_sec - log->start.tv_sec) * 1000000LL + (now.tv_nsec - log->start.tv_nsec) / 1000;
    char line[2048];
    const char *mark = level == LOG_ERROR ? "Error (" : level == LOG_WARNING ? "Warn  (" : "";
    int length = snprintf(line, sizeof(line), "(%02lld.%06lld) %s", micros / 1000000,
                          micros % 1000000, mark);
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(line + length, sizeof(line) - (size_t)length - 2, format, arguments);
    va_end(arguments);
    length += added < 0 ? 0 : added;
    if ((size_t)length > sizeof(line) - 3)
        length = (int)sizeof(line) - 3;
    if (*mark)
        line[length++] = ')';
    line[length++] = '\n';
    (void)write_all(log->fd, line, (size_t)length);
}
