#include "engine/changes.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* The member `key` as object or array, made where it is missing. */
static json_t *member(json_t *config, const char *key, json_t *fresh)
{
    json_t *value = json_object_get(config, key);
    if (value && json_typeof(value) == json_typeof(fresh)) {
        json_decref(fresh);
        return value;
    }
    json_object_set_new(config, key, fresh);
    return fresh;
}

/* `["a", "b"]`, or a line for the shell. */
static int set_command(json_t *config, const char *key, const char *text, struct error *e)
{
    json_t *command = *text == '[' ? json_loads(text, 0, NULL) : NULL;
    if (*text == '[' && (!command || json_check_strings(command, key, e) < 0)) {
        json_decref(command);
        return fail(e, EINVAL, "%s is not an array of strings", text);
    }
    if (!command)
        command = json_pack("[s, s, s]", "/bin/sh", "-c", text);
    json_object_set_new(config, key, command);
    return 0;
}

/* Removes quotes and backslashes as a shell would; ends at a blank outside quotes. */
static char *next_word(struct arena *arena, const char **text)
{
    const char *at = *text + strspn(*text, " \t");
    char *word = arena_alloc(arena, strlen(at) + 1), *to = word;
    char quote = 0;
    if (!*at)
        return NULL;
    for (; *at && (quote || (*at != ' ' && *at != '\t')); at++) {
        if (quote ? *at == quote : (*at == '"' || *at == '\''))
            quote = quote ? 0 : *at;
        else if (*at == '\\' && at[1] && quote != '\'')
            *to++ = *++at;
        else
            *to++ = *at;
    }
    *to = 0;
    *text = at;
    return word;
}

static void set_variable(json_t *env, const char *assignment)
{
    size_t i, name = strcspn(assignment, "=") + 1;
    json_t *old;
    json_array_foreach (env, i, old) {
        if (strncmp(json_string_value(old), assignment, name) == 0) {
            json_array_set_new(env, i, json_string(assignment));
            return;
        }
    }
    json_array_append_new(env, json_string(assignment));
}

/* `ENV a=b c=d`, or the old `ENV a b c`. */
static int add_pairs(json_t *config, const char *key, const char *text, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    bool is_env = strcmp(key, "Env") == 0;
    json_t *target = member(config, key, is_env ? json_array() : json_object());
    const char *rest = text;
    char *word = next_word(arena, &rest);
    if (word && !strchr(word, '=')) {
        rest += strspn(rest, " \t");
        if (!*rest)
            return fail(e, EINVAL, "%s needs a value", word);
        word = arena_printf(arena, "%s=%s", word, rest);
        rest = "";
    }
    for (; word; word = next_word(arena, &rest)) {
        char *equals = strchr(word, '=');
        if (!equals || equals == word)
            return fail(e, EINVAL, "'%s' is not NAME=VALUE", word);
        if (is_env) {
            set_variable(target, word);
        } else {
            *equals = 0;
            json_object_set_new(target, word, json_string(equals + 1));
        }
    }
    return 0;
}

static int add_keys(json_t *config, const char *key, const char *text)
{
    AUTO_ARENA struct arena *arena = arena_new();
    json_t *set = member(config, key, json_object());
    json_auto_t *list = *text == '[' ? json_loads(text, 0, NULL) : NULL;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        json_object_set_new(set, json_is_string(item) ? json_string_value(item) : "",
                            json_object());
    bool ports = strcmp(key, "ExposedPorts") == 0;
    const char *rest = list ? "" : text;
    for (char *word; (word = next_word(arena, &rest));) {
        if (ports && !strchr(word, '/'))
            word = arena_printf(arena, "%s/tcp", word);
        json_object_set_new(set, word, json_object());
    }
    return 0;
}

static int apply_line(json_t *config, const char *line, struct error *e)
{
    size_t length = strcspn(line, " \t");
    const char *text = line + length + strspn(line + length, " \t");
#define IS(word) (length == strlen(word) && strncasecmp(line, word, length) == 0)
    if (!*text)
        return fail(e, EINVAL, "it needs an argument");
    if (IS("CMD"))
        return set_command(config, "Cmd", text, e);
    if (IS("ENTRYPOINT"))
        return set_command(config, "Entrypoint", text, e);
    if (IS("ENV"))
        return add_pairs(config, "Env", text, e);
    if (IS("LABEL"))
        return add_pairs(config, "Labels", text, e);
    if (IS("EXPOSE"))
        return add_keys(config, "ExposedPorts", text);
    if (IS("VOLUME"))
        return add_keys(config, "Volumes", text);
    if (IS("WORKDIR"))
        return json_object_set_new(config, "WorkingDir", json_string(text));
    if (IS("USER"))
        return json_object_set_new(config, "User", json_string(text));
    if (IS("STOPSIGNAL"))
        return json_object_set_new(config, "StopSignal", json_string(text));
#undef IS
    return fail(e, EINVAL, "%.*s is not a valid change command", (int)length, line);
}

int changes_apply(json_t *config, const json_t *lines, struct error *e)
{
    size_t i;
    json_t *line;
    if (json_check_strings(lines, "changes", e) < 0)
        return -1;
    json_array_foreach (lines, i, line) {
        if (apply_line(config, json_string_value(line), e) < 0)
            return fail_in(e, "change '%s'", json_string_value(line));
    }
    return 0;
}
