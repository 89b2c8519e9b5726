/* Reading a container's log, from its end backwards for --tail, and on as it grows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/log_file.h"
#include "engine/wait.h"

struct reading {
    const struct engine_logs *query;
    engine_sink *sink;
    void *context;
    struct timespec since, until;
    bool has_since, has_until, ended;
    int fd;
    char *buffer; /* the unread part of the file that is in memory */
    size_t used, room;
};

/* "1136073600", "1136073600.000000001" or RFC 3339. */
static bool parse_time(const char *text, struct timespec *time)
{
    char *end;
    if (strchr(text, 'T')) {
        time->tv_sec = (time_t)read_time(text);
        time->tv_nsec = 0;
        return time->tv_sec != 0;
    }
    time->tv_sec = (time_t)strtoll(text, &end, 10);
    time->tv_nsec = 0;
    if (*end == '.') {
        long scale = 100000000;
        for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10)
            time->tv_nsec += (*end - '0') * scale;
    }
    return end != text && *end == 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static struct timespec time_of_line(const char *text)
{
    struct timespec time = {.tv_sec = (time_t)read_time(text)};
    const char *dot = strchr(text, '.');
    long scale = 100000000;
    for (dot = dot ? dot + 1 : ""; *dot >= '0' && *dot <= '9' && scale; dot++, scale /= 10)
        time.tv_nsec += (*dot - '0') * scale;
    return time;
}

static bool hand_out(struct reading *reading, int stream, const json_t *line)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const json_t *text = json_object_get(line, "log");
    const char *data = json_string_value(text);
    size_t size = json_string_length(text);
    if (!data)
        return true;
    if (reading->query->timestamps) {
        const char *time = json_text(line, "time");
        char *whole = arena_alloc(arena, strlen(time) + 1 + size);
        size_t length = strlen(time);
        memcpy(whole, time, length);
        whole[length] = ' ';
        memcpy(whole + length + 1, data, size);
        data = whole;
        size += length + 1;
    }
    return reading->sink(reading->context, stream, data, size);
}

/* One line of the file. False when the reader wants no more. */
static bool take_line(struct reading *reading, const char *text, size_t size)
{
    json_auto_t *line = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    if (!line)
        return true; /* half a line, of a disk that was full */
    int stream = strcmp(json_text(line, "stream"), "stderr") == 0 ? 2 : 1;
    struct timespec time = time_of_line(json_text(line, "time"));
    if (reading->has_until && is_before(&reading->until, &time))
        return false;
    if ((reading->has_since && is_before(&time, &reading->since)) ||
        !(stream == 1 ? reading->query->out : reading->query->err))
        return true;
    return hand_out(reading, stream, line);
}

static void take_lines(struct reading *reading)
{
    size_t done = 0;
    while (!reading->ended && done < reading->used) {
        char *start = reading->buffer + done;
        char *newline = memchr(start, '\n', reading->used - done);
        if (!newline)
            break;
        reading->ended = !take_line(reading, start, (size_t)(newline - start));
        done += (size_t)(newline - start) + 1;
    }
    memmove(reading->buffer, reading->buffer + done, reading->used - done);
    reading->used -= done;
}

/* Reads on to the present end of the file. */
static int read_on(struct reading *reading, struct error *e)
{
    while (!reading->ended) {
        if (reading->used == reading->room) {
            reading->room *= 2;
            reading->buffer = realloc(reading->buffer, reading->room);
            if (!reading->buffer)
                abort();
        }
        ssize_t n =
            read(reading->fd, reading->buffer + reading->used, reading->room - reading->used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(e, "log");
        if (n == 0)
            break;
        reading->used += (size_t)n;
        take_lines(reading);
    }
    return 0;
}

/* Offset where the last `lines` lines of the file begin. */
static off_t find_tail(int fd, uint64_t lines)
{
    char block[8192];
    struct stat st;
    off_t at = fstat(fd, &st) < 0 ? 0 : st.st_size;
    uint64_t found = 0;
    if (lines == 0)
        return at;
    for (off_t end = at; end > 0;) {
        size_t size = end < (off_t)sizeof(block) ? (size_t)end : sizeof(block);
        end -= (off_t)size;
        if (pread(fd, block, size, end) != (ssize_t)size)
            return 0;
        for (size_t i = size; i-- > 0;) {
            if (block[i] != '\n' || end + (off_t)i + 1 == at)
                continue;
            if (++found == lines)
                return end + (off_t)i + 1;
        }
    }
    return 0;
}

static int follow(struct reading *reading, struct container *container, int cancel_fd,
                  struct error *e)
{
    AUTO_CLOSE int changes = watch_container(container, e);
    if (changes < 0)
        return -1;
    while (!reading->ended) {
        struct error gone = {0};
        /* Asked before the reading: what a stopped container wrote is all in the file. */
        bool running = container_read_state(container, &gone) == 0 &&
                       container_is_running(container) &&
                       lock_is_held_at(container->dir, "monitor.lock");
        if (read_on(reading, e) < 0)
            return -1;
        if (!running)
            return 0;
        if (!reading->ended && await_change(changes, cancel_fd, e) < 0)
            return -1;
    }
    return 0;
}

static int prepare(struct reading *reading, const struct engine_logs *query, struct error *e)
{
    uint64_t lines;
    if (!query->out && !query->err)
        return fail(e, EINVAL, "Bad parameters: you must choose at least one stream");
    if (query->since && *query->since && strcmp(query->since, "0") != 0) {
        reading->has_since = true;
        if (!parse_time(query->since, &reading->since))
            return fail(e, EINVAL, "invalid value for \"since\": %.50s", query->since);
    }
    if (query->until && *query->until && strcmp(query->until, "0") != 0) {
        reading->has_until = true;
        if (!parse_time(query->until, &reading->until))
            return fail(e, EINVAL, "invalid value for \"until\": %.50s", query->until);
    }
    if (reading->fd >= 0 && query->tail && parse_u64(query->tail, 10, &lines))
        lseek(reading->fd, find_tail(reading->fd, lines), SEEK_SET);
    reading->room = 1 << 16;
    reading->buffer = malloc(reading->room);
    return reading->buffer ? 0 : fail_errno(e, "log");
}

int engine_container_logs(struct engine *engine, const char *ref, const struct engine_logs *query,
                          engine_sink *sink, void *context, int cancel_fd, struct error *e)
{
    char name[ENGINE_ID_SIZE + 16];
    struct reading reading = {.query = query, .sink = sink, .context = context, .fd = -1};
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    log_file_name(&container, name);
    AUTO_CLOSE int fd =
        openat(container.dir, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return fail_errno(e, "log");
    reading.fd = fd;
    int result = prepare(&reading, query, e);
    if (result == 0)
        result = query->follow ? follow(&reading, &container, cancel_fd, e) : read_on(&reading, e);
    free(reading.buffer);
    return result;
}
