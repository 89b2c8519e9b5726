/* Strict parsing and small questions about strings. */
#ifndef STASIS_BASE_TEXT_H
#define STASIS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parse the whole string as a number in `base` (0: by its prefix). False for anything else,
 * including an empty string, a sign where none belongs, trailing bytes or overflow. */
bool parse_u64(const char *text, int base, uint64_t *value);
bool parse_i64(const char *text, int base, int64_t *value);
bool parse_int(const char *text, int *value);

bool starts_with(const char *text, const char *prefix);
bool ends_with(const char *text, const char *suffix);

/* Is this a path without `.`, `..` and empty components? Relative and absolute ones are. */
bool path_is_plain(const char *path);

/* Lower-case hexadecimal of `size` bytes into `text`, which has room for 2 * size + 1. */
void write_hex(char *text, const void *data, size_t size);

#endif
