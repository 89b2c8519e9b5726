#include "engine/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

int lock_file_at(int dir, const char *path, enum lock_mode mode, struct error *e)
{
    AUTO_CLOSE int fd = openat(dir, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(e, "%s", path);
    while (flock(fd, LOCK_EX | (mode == LOCK_TRY ? LOCK_NB : 0)) < 0) {
        if (errno == EWOULDBLOCK)
            return fail(e, EBUSY, "%s is in use", path);
        if (errno != EINTR)
            return fail_errno(e, "lock %s", path);
    }
    return take_fd(&fd);
}

bool lock_is_held_at(int dir, const char *path)
{
    AUTO_CLOSE int fd = openat(dir, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

json_t *json_read_at(int dir, const char *path, struct error *e)
{
    AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        fail_errno(e, "%s", path);
        return NULL;
    }
    /* Not json_loadfd: it reads byte by byte. */
    AUTO_ARENA struct arena *arena = arena_new();
    size_t size;
    char *text = read_fd_whole(fd, arena, &size, e);
    if (!text) {
        fail_in(e, "%s", path);
        return NULL;
    }
    json_error_t parse;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &parse);
    if (!json)
        fail(e, EIO, "%s: line %d: %s", path, parse.line, parse.text);
    return json;
}

int json_replace_at(int dir, const char *path, const json_t *json, struct error *e)
{
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        return fail(e, EINVAL, "%s: not expressible as JSON", path);
    return replace_file_at(dir, path, text, strlen(text), 0600, e);
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

bool json_truth(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

json_int_t json_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool json_is_empty(const json_t *value)
{
    return !value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)) ||
           (json_is_array(value) && !json_array_size(value)) ||
           (json_is_object(value) && !json_object_size(value));
}

int json_check_strings(const json_t *array, const char *what, struct error *e)
{
    if (!array || json_is_null(array))
        return 0;
    if (!json_is_array(array))
        return fail(e, EINVAL, "%s: not an array", what);
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        if (!json_is_string(item))
            return fail(e, EINVAL, "%s: not an array of strings", what);
    }
    return 0;
}

bool filter_is_given(const json_t *filters, const char *key)
{
    return !json_is_empty(json_object_get(filters, key));
}

const char *filter_next(const json_t *filters, const char *key, size_t *position)
{
    json_t *values = json_object_get(filters, key);
    if (json_is_array(values))
        return json_string_value(json_array_get(values, (*position)++));
    size_t index = 0;
    const char *value;
    json_t *truth;
    json_object_foreach (values, value, truth) {
        if (index++ == *position) {
            *position = index;
            return value;
        }
    }
    return NULL;
}

bool filter_allows(const json_t *filters, const char *key, const char *value)
{
    if (!filter_is_given(filters, key))
        return true;
    size_t position = 0;
    for (const char *wanted; (wanted = filter_next(filters, key, &position));) {
        if (strcmp(wanted, value) == 0)
            return true;
    }
    return false;
}

void write_time_now(char text[TIME_TEXT_SIZE])
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, TIME_TEXT_SIZE - length, ".%09ldZ", now.tv_nsec);
}

long long read_time(const char *text)
{
    struct tm parts = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) ? (long long)timegm(&parts) : 0;
}

void write_random_id(char id[ENGINE_ID_SIZE])
{
    unsigned char bytes[(ENGINE_ID_SIZE - 1) / 2];
    while (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        ;
    write_hex(id, bytes, sizeof(bytes));
}

int discard(const struct engine *engine, const char *path, struct error *e)
{
    char id[ENGINE_ID_SIZE], target[80];
    write_random_id(id);
    snprintf(target, sizeof(target), "trash/%s", id);
    if (renameat(engine->root, path, engine->root, target) < 0) {
        if (errno == ENOENT)
            return 0;
        return fail_errno(e, "remove %s", path);
    }
    return remove_tree_at(engine->root, target, e);
}

void discard_leftovers(const struct engine *engine)
{
    struct error ignored = {0};
    time_t now = time(NULL);
    int fd = open_directory_at(engine->root, "trash", false, &ignored);
    AUTO_CLOSEDIR DIR *list = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        struct stat st;
        if (is_full_id(entry->d_name) &&
            fstatat(dirfd(list), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ctime < now - 24 * 60 * 60)
            remove_tree_at(dirfd(list), entry->d_name, &ignored);
    }
}

void sweep_trash(const struct engine *engine)
{
    struct error ignored = {0};
    int fd = open_directory_at(engine->root, "trash", false, &ignored);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ctim.tv_sec + 3600 < time(NULL))
            remove_tree_at(dirfd(dir), entry->d_name, &ignored);
    }
}

int open_directory_at(int dir, const char *path, bool make, struct error *e)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(dir, path, flags);
    if (fd < 0 && errno == ENOENT && make) {
        if (make_directories_at(dir, path, 0700, e) < 0)
            return -1;
        fd = openat(dir, path, flags);
    }
    return fd < 0 ? fail_errno(e, "%s", path) : fd;
}

bool is_hexadecimal(const char *text)
{
    return *text && text[strspn(text, "0123456789abcdef")] == 0;
}

bool is_full_id(const char *text)
{
    return strlen(text) == ENGINE_ID_SIZE - 1 && is_hexadecimal(text);
}
