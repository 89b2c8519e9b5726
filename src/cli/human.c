#include "cli/human.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *human_duration(struct arena *arena, double seconds)
{
    long long whole = (long long)seconds, minutes = whole / 60;
    long long hours = (long long)(seconds / 3600 + 0.5);
    if (whole < 1)
        return "Less than a second";
    if (whole == 1)
        return "1 second";
    if (whole < 60)
        return arena_printf(arena, "%lld seconds", whole);
    if (minutes == 1)
        return "About a minute";
    if (minutes < 60)
        return arena_printf(arena, "%lld minutes", minutes);
    if (hours == 1)
        return "About an hour";
    if (hours < 48)
        return arena_printf(arena, "%lld hours", hours);
    if (hours < 24 * 7 * 2)
        return arena_printf(arena, "%lld days", hours / 24);
    if (hours < 24 * 30 * 2)
        return arena_printf(arena, "%lld weeks", hours / 24 / 7);
    if (hours < 24 * 365 * 2)
        return arena_printf(arena, "%lld months", hours / 24 / 30);
    return arena_printf(arena, "%lld years", hours / 24 / 365);
}

const char *time_ago(struct arena *arena, long long seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds <= 0)
        return "N/A";
    return arena_printf(arena, "%s ago", human_duration(arena, (double)(now.tv_sec - seconds)));
}

const char *time_in_words(struct arena *arena, long long seconds)
{
    char text[64];
    time_t when = (time_t)seconds;
    struct tm parts;
    localtime_r(&when, &parts);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &parts);
    return arena_strdup(arena, text);
}

static const char *scaled(struct arena *arena, double bytes, double base, int digits,
                          const char *const *units)
{
    while (bytes >= base && units[1]) {
        bytes /= base;
        units++;
    }
    return arena_printf(arena, "%.*g%s", digits, bytes, *units);
}

const char *human_size(struct arena *arena, double bytes, int digits)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", NULL};
    return scaled(arena, bytes, 1000, digits, units);
}

const char *human_binary_size(struct arena *arena, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL};
    return scaled(arena, bytes, 1024, 4, units);
}

const char *short_id(struct arena *arena, const char *id)
{
    const char *colon = strchr(id, ':');
    return arena_strndup(arena, colon ? colon + 1 : id, 12);
}

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += starts_character(*text);
    return width;
}

const char *ellipsis(struct arena *arena, const char *text, size_t width)
{
    if (text_width(text) <= width || width == 0)
        return text;
    size_t length = 0;
    for (size_t seen = 0; text[length]; length++) {
        seen += starts_character(text[length]);
        if (seen == width)
            break;
    }
    return arena_printf(arena, "%.*s…", (int)length, text);
}

static long parse_fraction(const char **text)
{
    long nanoseconds = 0, place = 100000000;
    if (**text != '.')
        return 0;
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
        nanoseconds += (**text - '0') * place;
        place /= 10;
    }
    return nanoseconds;
}

/* "Z", "+02:00" or nothing. */
static bool parse_zone(const char *text, long *seconds)
{
    int hours, minutes, length = 0;
    *seconds = 0;
    if (!*text || strcmp(text, "Z") == 0)
        return true;
    if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &length) != 2 || text[1 + length])
        return false;
    *seconds = (*text == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
    return *text == '+' || *text == '-';
}

bool parse_time(const char *text, struct timespec *when)
{
    static const char *const layouts[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
        struct tm parts = {0};
        long zone;
        const char *rest = strptime(text, layouts[i], &parts);
        if (!rest)
            continue;
        when->tv_nsec = parse_fraction(&rest);
        if (!parse_zone(rest, &zone))
            continue;
        when->tv_sec = timegm(&parts) - zone;
        return true;
    }
    return false;
}

bool parse_duration(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"h", 3600}, {"m", 60}, {"s", 1}};
    *seconds = 0;
    bool any = false;
    while (*text) {
        char *end;
        if (strspn(text, "0123456789.") == 0)
            return false;
        double number = strtod(text, &end);
        size_t unit = 0;
        while (unit < sizeof(units) / sizeof(*units) && !starts_with(end, units[unit].name))
            unit++;
        if (unit == sizeof(units) / sizeof(*units))
            return false;
        *seconds += number * units[unit].seconds;
        text = end + strlen(units[unit].name);
        any = true;
    }
    return any;
}
