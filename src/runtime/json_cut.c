#include "runtime/json_cut.h"

#include <stdbool.h>
#include <string.h>

static char *skip_space(char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind the closing quote of the string that begins at `at`, or at the end of the text. */
static char *skip_string(char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

static char *skip_value(char *at)
{
    size_t depth = 0;
    if (*at != '{' && *at != '[' && *at != '"')
        return at + strcspn(at, ",}] \t\r\n");
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        if (*at == '}' || *at == ']')
            depth--;
        at++;
    } while (*at && depth);
    return at;
}

/* The value of `key` in the object that begins at `at`, or NULL. */
static char *find_member(char *at, const char *key)
{
    size_t length = strlen(key);
    if (!at || *at != '{')
        return NULL;
    for (at = skip_space(at + 1); *at == '"'; at = skip_space(at + 1)) {
        char *name = at + 1, *behind = skip_string(at);
        bool found = behind == name + length + 1 && !memcmp(name, key, length);
        at = skip_space(behind);
        if (*at != ':')
            return NULL;
        at = skip_space(at + 1);
        if (found)
            return at;
        at = skip_space(skip_value(at));
        if (*at != ',')
            return NULL;
    }
    return NULL;
}

char *json_cut(char *text, const char *outer, const char *inner, struct arena *arena)
{
    static const char nothing[] = "null";
    const size_t least = sizeof(nothing) - 1;
    char *value = find_member(find_member(skip_space(text), outer), inner);
    char *end = value ? skip_value(value) : NULL;
    if (!value || (size_t)(end - value) < least)
        return NULL;
    char *copy = arena_strndup(arena, value, (size_t)(end - value));
    memcpy(value, nothing, least);
    memset(value + least, ' ', (size_t)(end - value) - least);
    return copy;
}
