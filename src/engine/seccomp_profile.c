#include "engine/seccomp_profile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static bool contains(const json_t *array, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

static bool contains_any(const json_t *array, const json_t *wanted)
{
    size_t i;
    json_t *item;
    json_array_foreach (wanted, i, item) {
        if (json_is_string(item) && contains(array, json_string_value(item)))
            return true;
    }
    return false;
}

static bool contains_all(const json_t *array, const json_t *wanted)
{
    size_t i;
    json_t *item;
    json_array_foreach (wanted, i, item) {
        if (!json_is_string(item) || !contains(array, json_string_value(item)))
            return false;
    }
    return true;
}

static bool kernel_is_older(const char *wanted)
{
    struct utsname name;
    int major = 0, minor = 0, wanted_major = 0, wanted_minor = 0;
    uname(&name);
    sscanf(name.release, "%d.%d", &major, &minor);
    sscanf(wanted, "%d.%d", &wanted_major, &wanted_minor);
    return major < wanted_major || (major == wanted_major && minor < wanted_minor);
}

static bool applies(const json_t *rule, const json_t *capabilities)
{
    const json_t *only = json_object_get(rule, "includes"),
                 *not = json_object_get(rule, "excludes");
    const json_t *archs = json_object_get(only, "arches");
    const char *kernel = json_string_value(json_object_get(only, "minKernel"));
    if (json_array_size(archs) && !contains(archs, "amd64"))
        return false;
    if (contains(json_object_get(not, "arches"), "amd64") ||
        contains_any(capabilities, json_object_get(not, "caps")))
        return false;
    return contains_all(capabilities, json_object_get(only, "caps")) &&
           !(kernel && kernel_is_older(kernel));
}

static json_t *convert_rule(const json_t *rule)
{
    static const char *const kept[] = {"action", "errnoRet", "args"};
    json_t *converted = json_object(), *name = json_object_get(rule, "name");
    json_object_set_new(converted, "names",
                        name ? json_pack("[O]", name)
                             : json_incref(json_object_get(rule, "names")));
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        json_t *value = json_object_get(rule, kept[i]);
        if (value && !json_is_null(value))
            json_object_set(converted, kept[i], value);
    }
    return converted;
}

static json_t *architectures_of(const json_t *profile)
{
    json_t *list = json_array(), *entry;
    size_t i;
    json_array_foreach (json_object_get(profile, "archMap"), i, entry) {
        json_t *name = json_object_get(entry, "architecture");
        if (!json_is_string(name) || strcmp(json_string_value(name), "SCMP_ARCH_X86_64") != 0)
            continue;
        json_array_append(list, name);
        json_array_extend(list, json_object_get(entry, "subArchitectures"));
    }
    if (json_is_array(json_object_get(profile, "architectures")))
        json_array_extend(list, json_object_get(profile, "architectures"));
    return list;
}

json_t *seccomp_profile_read(const char *profile, const json_t *capabilities, struct error *e)
{
    json_error_t parse;
    size_t i;
    json_t *rule;
    json_auto_t *given = json_loads(profile, 0, &parse);
    if (!given) {
        fail(e, EINVAL, "Decoding seccomp profile failed: line %d: %s", parse.line, parse.text);
        return NULL;
    }
    json_t *action = json_object_get(given, "defaultAction");
    if (!json_is_string(action)) {
        fail(e, EINVAL, "seccomp profile: no defaultAction");
        return NULL;
    }
    json_t *rules = json_array();
    json_t *seccomp = json_pack("{s:O, s:o, s:o}", "defaultAction", action, "architectures",
                                architectures_of(given), "syscalls", rules);
    json_t *number = json_object_get(given, "defaultErrnoRet");
    if (json_is_integer(number))
        json_object_set(seccomp, "defaultErrnoRet", number);
    json_array_foreach (json_object_get(given, "syscalls"), i, rule) {
        if (applies(rule, capabilities))
            json_array_append_new(rules, convert_rule(rule));
    }
    return seccomp;
}
