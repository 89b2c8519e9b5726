/* Numbers and times as people read them, in Docker's words. */
#ifndef STASIS_CLI_HUMAN_H
#define STASIS_CLI_HUMAN_H

#include <stdbool.h>
#include <time.h>

#include "base/arena.h"

/* "3 seconds", "About a minute", "5 weeks". */
const char *human_duration(struct arena *arena, double seconds);

/* "2 hours ago" for seconds since 1970; "N/A" for zero. */
const char *time_ago(struct arena *arena, long long seconds);

/* "2026-11-24 01:57:48 +0000 UTC" in local time. */
const char *time_in_words(struct arena *arena, long long seconds);

/* "4.43MB": powers of 1000, at most `digits` digits. */
const char *human_size(struct arena *arena, double bytes, int digits);

/* "23.54GiB": powers of 1024. */
const char *human_binary_size(struct arena *arena, double bytes);

/* The first 12 digits of an id, without "sha256:". */
const char *short_id(struct arena *arena, const char *id);

/* At most `width` characters of UTF-8, the last one "…" where something is left out. */
const char *ellipsis(struct arena *arena, const char *text, size_t width);

/* Characters, not bytes, of UTF-8 text. */
size_t text_width(const char *text);

/* RFC 3339 with any fraction, or less of it from the right ("2013-01-02"), as UTC where it names no
 * zone. False for anything else. */
bool parse_time(const char *text, struct timespec *when);

/* "1h30m", "42m", "1.5s", "100ms". False for anything else. */
bool parse_duration(const char *text, double *seconds);

#endif
