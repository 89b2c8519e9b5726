#include "engine/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"

struct unfinished_line {
    size_t size;
    char data[LOG_LINE_LIMIT];
};

/* Lines gather in `text` and go out in one write(2) per piece of output. A line grows at most six
 * times ("\u0000"). */
struct log_file {
    int fd;
    size_t used;
    struct unfinished_line lines[2];
    char text[8 * LOG_LINE_LIMIT];
};

void log_file_name(const struct container *container, char name[ENGINE_ID_SIZE + 16])
{
    snprintf(name, ENGINE_ID_SIZE + 16, "%s-json.log", container->id);
}

struct log_file *log_file_open(const struct container *container, struct error *e)
{
    char name[ENGINE_ID_SIZE + 16];
    log_file_name(container, name);
    AUTO_CLOSE int fd =
        openat(container->dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct log_file *log = fd < 0 ? NULL : malloc(sizeof(*log));
    if (!log) {
        fail_errno(e, "%s", name);
        return NULL;
    }
    log->fd = take_fd(&fd);
    log->used = log->lines[0].size = log->lines[1].size = 0;
    return log;
}

/* Length of the UTF-8 sequence at `text`, 0 if it is none. RFC 3629. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    if (length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if (length == 3 && ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f)))
        return 0;
    if (length == 4 && ((text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f)))
        return 0;
    return length;
}

static void add(struct log_file *log, const char *text, size_t size)
{
    memcpy(log->text + log->used, text, size);
    log->used += size;
}

static void add_escaped(struct log_file *log, const char *data, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned char byte = (unsigned char)data[i];
        size_t length = utf8_length((const unsigned char *)data + i, size - i);
        char escape[8];
        if (length == 0)
            add(log, "\\ufffd", 6);
        else if (byte == '"' || byte == '\\')
            add(log, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", byte));
        else if (byte == '\n')
            add(log, "\\n", 2);
        else if (byte == '\r')
            add(log, "\\r", 2);
        else if (byte == '\t')
            add(log, "\\t", 2);
        else if (byte < 0x20 || byte == 0x7f)
            add(log, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", byte));
        else
            add(log, data + i, length);
        i += length ? length : 1;
    }
}

/* A full disk must not stop the container: what cannot be written is lost. */
static void flush(struct log_file *log)
{
    if (log->used && write_all(log->fd, log->text, log->used) < 0)
        log->used = 0;
    log->used = 0;
}

static void write_line(struct log_file *log, int stream)
{
    char end[TIME_TEXT_SIZE + 64], now[TIME_TEXT_SIZE];
    struct unfinished_line *line = &log->lines[stream - 1];
    if (log->used + 6 * line->size + sizeof(end) + 16 > sizeof(log->text))
        flush(log);
    write_time_now(now);
    add(log, "{\"log\":\"", 8);
    add_escaped(log, line->data, line->size);
    add(log, end,
        (size_t)snprintf(end, sizeof(end), "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
                         stream == 1 ? "stdout" : "stderr", now));
    line->size = 0;
}

void log_file_take(struct log_file *log, int stream, const char *data, size_t size)
{
    struct unfinished_line *line = &log->lines[stream - 1];
    while (size) {
        const char *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) + 1 : size;
        if (length > LOG_LINE_LIMIT - line->size)
            length = LOG_LINE_LIMIT - line->size;
        memcpy(line->data + line->size, data, length);
        line->size += length;
        data += length;
        size -= length;
        if (line->data[line->size - 1] == '\n' || line->size == LOG_LINE_LIMIT)
            write_line(log, stream);
    }
    flush(log);
}

void log_file_close(struct log_file *log)
{
    if (!log)
        return;
    for (int stream = 1; stream <= 2; stream++) {
        if (log->lines[stream - 1].size)
            write_line(log, stream);
    }
    flush(log);
    close(log->fd);
    free(log);
}
