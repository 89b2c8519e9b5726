/* The log of a container: ID-json.log, one JSON object a line, as Docker's json-file driver writes
 * it: {"log":"text\n","stream":"stdout","time":"2016-01-31T12:00:00.123456789Z"}. */
#ifndef STASIS_ENGINE_LOG_FILE_H
#define STASIS_ENGINE_LOG_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "engine/record.h"

#define LOG_LINE_LIMIT (16 << 10) /* a longer line is cut in pieces */

struct log_file;

/* Name of the file below containers/ID. */
void log_file_name(const struct container *container, char name[ENGINE_ID_SIZE + 16]);

/* Opens it to append, made where missing. The caller closes it. */
struct log_file *log_file_open(const struct container *container, struct error *e);

/* Takes output of stream 1 or 2. Lines are written when they are complete. */
void log_file_take(struct log_file *log, int stream, const char *data, size_t size);

/* Writes what is left of unfinished lines, and frees the log. */
void log_file_close(struct log_file *log);

#endif
