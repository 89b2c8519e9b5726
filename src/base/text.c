#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool parse_u64(const char *text, int base, uint64_t *value)
{
    if (!isalnum((unsigned char)*text))
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, base);
    if (errno || *end)
        return false;
    *value = number;
    return true;
}

bool parse_i64(const char *text, int base, int64_t *value)
{
    if (!isalnum((unsigned char)*text) && *text != '-')
        return false;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, base);
    if (errno || *end || end == text)
        return false;
    *value = number;
    return true;
}

bool parse_int(const char *text, int *value)
{
    int64_t number = 0;
    if (!parse_i64(text, 10, &number) || number < INT_MIN || number > INT_MAX)
        return false;
    *value = (int)number;
    return true;
}

bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool path_is_plain(const char *path)
{
    if (*path == '/')
        path++;
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length == 0 || (length == 1 && path[0] == '.') ||
            (length == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += length;
        if (*path == '/' && *++path == 0)
            return false;
    }
    return true;
}

void write_hex(char *text, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = 0;
}
