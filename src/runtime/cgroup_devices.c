#include "runtime/cgroup_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/cgroup.h"

static long device_number(json_t *rule, const char *key)
{
    json_t *value = json_object_get(rule, key);
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= 0 && number <= INT_MAX ? (long)number : any_number;
}

static int read_rule(struct device_rule *rule, json_t *json, struct error *e)
{
    json_error_t why;
    int allow = 0;
    const char *type = "a", *access = "rwm";
    if (json_unpack_ex(json, &why, 0, "{s:b, s?s, s?s}", "allow", &allow, "type", &type, "access",
                       &access) < 0)
        return fail(e, EINVAL, "%s", why.text);
    if (strspn(type, "abc") != 1 || type[1] || strspn(access, "rwm") != strlen(access))
        return fail(e, EINVAL, "rule '%s %s' is not known", type, access);
    *rule = (struct device_rule){
        .allow = allow,
        .type = type[0],
        .major = device_number(json, "major"),
        .minor = device_number(json, "minor"),
        .read = !*access || strchr(access, 'r'),
        .write = !*access || strchr(access, 'w'),
        .make = !*access || strchr(access, 'm'),
    };
    return 0;
}

static const char *number_text(long number, struct arena *arena)
{
    return number == any_number ? "*" : arena_printf(arena, "%ld", number);
}

static const char *rule_text(const struct device_rule *rule, struct arena *arena)
{
    if (rule->type == 'a')
        return "a"; /* the only form v1 knows for "all types" */
    return arena_printf(arena, "%c %s:%s %s%s%s", rule->type, number_text(rule->major, arena),
                        number_text(rule->minor, arena), rule->read ? "r" : "",
                        rule->write ? "w" : "", rule->make ? "m" : "");
}

static int write_rules_v1(int directory, const struct device_rule *rules, size_t count,
                          struct arena *arena, struct error *e)
{
    AUTO_CLOSE int allow = openat(directory, "devices.allow", O_WRONLY | O_CLOEXEC);
    AUTO_CLOSE int deny = openat(directory, "devices.deny", O_WRONLY | O_CLOEXEC);
    if (allow < 0 || deny < 0)
        return fail_errno(e, "devices cgroup");
    for (size_t i = 0; i < count; i++) {
        const char *text = rule_text(&rules[i], arena);
        if (write(rules[i].allow ? allow : deny, text, strlen(text)) < 0)
            return fail_errno(e, "rule '%s'", text);
    }
    return 0;
}

int cgroup_set_devices(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                       struct error *e)
{
    size_t count = json_array_size(json);
    const struct hierarchy *hierarchy = hierarchies_v1(&cgroup->hierarchies, "devices");
    if (!hierarchy)
        hierarchy = hierarchies_v2(&cgroup->hierarchies);
    if (!count || !hierarchy)
        return count ? fail(e, ENOTSUP, "no cgroup hierarchy is mounted that could") : 0;
    struct device_rule *rules = arena_alloc(arena, count * sizeof(*rules));
    for (size_t i = 0; i < count; i++)
        if (read_rule(&rules[i], json_array_get(json, i), e) < 0)
            return -1;
    AUTO_CLOSE int directory = hierarchy_open_cgroup(hierarchy, cgroup->path);
    if (directory < 0)
        return fail_errno(e, "cgroup %s", cgroup->path);
    return hierarchy->v2 ? cgroup_attach_device_program(directory, rules, count, e)
                         : write_rules_v1(directory, rules, count, arena, e);
}
