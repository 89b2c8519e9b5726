#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/human.h"

/* The power of 1024 that a unit stands for: "", b, k, kb, kib, m, ...; -1 for what is no unit. */
static int unit_power(const char *unit)
{
    static const char letters[] = "bkmgtp";
    if (!*unit)
        return 0;
    const char *letter = strchr(letters, tolower((unsigned char)*unit));
    if (!letter)
        return -1;
    int power = (int)(letter - letters);
    unit++;
    if (power > 0 && tolower((unsigned char)*unit) == 'i')
        unit++;
    if (power > 0 && tolower((unsigned char)*unit) == 'b')
        unit++;
    return *unit ? -1 : power;
}

int parse_bytes(const char *option, const char *text, int64_t *bytes, struct error *e)
{
    if (strcmp(text, "-1") == 0) {
        *bytes = -1;
        return 0;
    }
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits;
    int power = unit_power(*unit == ' ' ? unit + 1 : unit);
    char *end;
    double number = strtod(text, &end);
    if (digits == 0 || end != unit || power < 0)
        return fail_usage(e, "invalid argument \"%s\" for \"%s\" flag: invalid size", text, option);
    double value = number * (double)(1LL << (10 * power));
    if (value >= 9e18)
        return fail_usage(e, "invalid argument \"%s\" for \"%s\" flag: too large", text, option);
    *bytes = (int64_t)value;
    return 0;
}

int parse_cpus(const char *text, int64_t *nanos, struct error *e)
{
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double cpus = strtod(text, &end);
    if (digits == 0 || text[digits] || *end || cpus > 1e6)
        return fail_usage(e, "invalid argument \"%s\" for \"--cpus\" flag: not a number of CPUs",
                          text);
    *nanos = (int64_t)(cpus * 1e9 + 0.5);
    return 0;
}

json_t *parse_ulimit(const char *text, struct error *e)
{
    char name[32];
    char values[64];
    int64_t soft, hard;
    if (sscanf(text, "%31[a-z]=%63s", name, values) != 2)
        goto bad;
    char *colon = strchr(values, ':');
    if (colon)
        *colon = 0;
    if (!parse_i64(values, 10, &soft) || !parse_i64(colon ? colon + 1 : values, 10, &hard))
        goto bad;
    if (hard != -1 && (soft > hard || soft == -1)) {
        fail_usage(e, "invalid ulimit %s: the soft limit is above the hard one", text);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I}", "Name", name, "Soft", (json_int_t)soft, "Hard",
                     (json_int_t)hard);
bad:
    fail_usage(e, "invalid ulimit %s: want NAME=SOFT[:HARD]", text);
    return NULL;
}

const char *absolute_path(struct cli *cli, const char *path)
{
    char directory[4096];
    if (!path || path[0] == '/' || !getcwd(directory, sizeof(directory)))
        return path;
    while (starts_with(path, "./"))
        path += 2;
    if (strcmp(path, ".") == 0)
        return arena_strdup(cli->arena, directory);
    return arena_printf(cli->arena, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, path);
}

static bool is_path(const char *text)
{
    return text[0] == '/' || starts_with(text, "./") || starts_with(text, "../") ||
           strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
}

int parse_volume(struct cli *cli, const char *text, json_t *binds, json_t *volumes, struct error *e)
{
    const char *colon = strchr(text, ':');
    const char *target = colon ? colon + 1 : text;
    if (*target != '/')
        return fail_usage(e,
                          "invalid volume specification: '%s': the path in the container must be "
                          "absolute",
                          text);
    if (!colon)
        return json_object_set_new(volumes, text, json_object());
    if (colon == text)
        return fail_usage(e, "invalid volume specification: '%s': the source is empty", text);
    const char *source = arena_strndup(cli->arena, text, (size_t)(colon - text));
    if (is_path(source))
        source = absolute_path(cli, source);
    return json_array_append_new(binds, json_sprintf("%s:%s", source, target));
}

static json_t *object_in(json_t *object, const char *key)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

static int set_mount_field(struct cli *cli, json_t *mount, const char *key, const char *value,
                           struct error *e)
{
    int64_t number;
    if (strcmp(key, "type") == 0)
        return json_object_set_new(mount, "Type", json_string(value));
    if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0)
        return json_object_set_new(mount, "Source",
                                   json_string(is_path(value) ? absolute_path(cli, value) : value));
    if (strcmp(key, "target") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "destination") == 0)
        return json_object_set_new(mount, "Target", json_string(value));
    if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0)
        return json_object_set_new(mount, "ReadOnly", json_boolean(strcmp(value, "false") != 0));
    if (strcmp(key, "bind-propagation") == 0)
        return json_object_set_new(object_in(mount, "BindOptions"), "Propagation",
                                   json_string(value));
    if (strcmp(key, "volume-nocopy") == 0)
        return json_object_set_new(object_in(mount, "VolumeOptions"), "NoCopy",
                                   json_boolean(strcmp(value, "false") != 0));
    if (strcmp(key, "tmpfs-size") == 0) {
        if (parse_bytes("--mount", value, &number, e) < 0)
            return -1;
        return json_object_set_new(object_in(mount, "TmpfsOptions"), "SizeBytes",
                                   json_integer(number));
    }
    if (strcmp(key, "tmpfs-mode") == 0 && parse_i64(value, 8, &number))
        return json_object_set_new(object_in(mount, "TmpfsOptions"), "Mode", json_integer(number));
    if (strcmp(key, "consistency") == 0)
        return 0;
    return fail_usage(e, "invalid argument for \"--mount\" flag: unexpected key '%s'", key);
}

json_t *parse_mount(struct cli *cli, const char *text, struct error *e)
{
    json_t *mount = json_pack("{s:s}", "Type", "volume");
    char *rest = arena_strdup(cli->arena, text);
    for (char *field; (field = strsep(&rest, ","));) {
        char *value = strchr(field, '=');
        if (value)
            *value++ = 0;
        if (set_mount_field(cli, mount, field, value ? value : "true", e) < 0)
            goto failed;
    }
    if (!*json_string_value(json_object_get(mount, "Type")))
        fail_usage(e, "invalid argument \"%s\" for \"--mount\" flag: type is required", text);
    else if (!json_object_get(mount, "Target"))
        fail_usage(e, "invalid argument \"%s\" for \"--mount\" flag: target is required", text);
    else
        return mount;
failed:
    json_decref(mount);
    return NULL;
}

void add_environment(struct cli *cli, const char *text, json_t *env)
{
    const char *value = strchr(text, '=') ? text : getenv(text);
    if (value && value != text)
        value = arena_printf(cli->arena, "%s=%s", text, value);
    if (value)
        json_array_append_new(env, json_string(value));
}

int add_environment_file(struct cli *cli, const char *path, json_t *env, struct error *e)
{
    char *rest = read_file_at(AT_FDCWD, path, cli->arena, NULL, e);
    if (!rest)
        return -1;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line += strspn(line, " \t");
        line[strcspn(line, "\r")] = 0;
        if (*line && *line != '#')
            add_environment(cli, line, env);
    }
    return 0;
}

/* The engine takes the profile itself, not its path. */
static json_t *seccomp_profile(struct cli *cli, const char *path, struct error *e)
{
    json_error_t why;
    size_t size;
    char *text = read_file_at(AT_FDCWD, path, cli->arena, &size, e);
    if (!text) {
        fail_in(e, "opening seccomp profile (%s) failed", path);
        return NULL;
    }
    json_auto_t *profile = json_loadb(text, size, 0, &why);
    if (!profile) {
        fail(e, EINVAL, "seccomp profile %s: line %d: %s", path, why.line, why.text);
        return NULL;
    }
    char *compact = json_dumps(profile, JSON_COMPACT);
    json_t *option = json_sprintf("seccomp=%s", compact);
    free(compact);
    return option;
}

json_t *parse_security_option(struct cli *cli, const char *text, struct error *e)
{
    size_t length = strcspn(text, "=:");
    if (!text[length] && strcmp(text, "no-new-privileges") != 0) {
        fail_usage(e, "invalid --security-opt: \"%s\"", text);
        return NULL;
    }
    if (!text[length])
        return json_string(text);
    const char *value = text + length + 1;
    bool seccomp = length == strlen("seccomp") && starts_with(text, "seccomp");
    if (seccomp && strcmp(value, "unconfined") != 0 && strcmp(value, "builtin") != 0)
        return seccomp_profile(cli, value, e);
    return json_sprintf("%.*s=%s", (int)length, text, value);
}

int parse_filters(struct cli *cli, const struct text_list *list, const char **filters,
                  struct error *e)
{
    json_auto_t *object = json_object();
    *filters = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (!equals)
            return fail_usage(e,
                              "invalid argument \"%s\" for \"-f, --filter\" flag: bad format of "
                              "filter (expected name=value)",
                              list->items[i]);
        size_t length = (size_t)(equals - list->items[i]);
        char *key = arena_strndup(cli->arena, list->items[i], length);
        json_object_set_new(object_in(object, key), equals + 1, json_true());
    }
    if (list->count > 0) {
        char *text = json_dumps(object, JSON_COMPACT);
        *filters = arena_strdup(cli->arena, text);
        free(text);
    }
    return 0;
}

int parse_since(struct cli *cli, const char *text, const char **since, struct error *e)
{
    struct timespec when;
    double ago;
    size_t digits = strspn(text, "0123456789.");
    if (digits > 0 && !text[digits]) {
        *since = text;
        return 0;
    }
    if (parse_duration(text, &ago)) {
        clock_gettime(CLOCK_REALTIME, &when);
        double then = (double)when.tv_sec + (double)when.tv_nsec / 1e9 - ago;
        when.tv_sec = (time_t)then;
        when.tv_nsec = (long)((then - (double)when.tv_sec) * 1e9);
    } else if (!parse_time(text, &when)) {
        return fail_usage(e, "\"%s\" is neither a time nor a duration", text);
    }
    *since = arena_printf(cli->arena, "%lld.%09ld", (long long)when.tv_sec, when.tv_nsec);
    return 0;
}
