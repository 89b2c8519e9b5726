#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/capabilities.h"
#include "runtime/rlimits.h"
#include "runtime/spec.h"

static const char **null_terminated(struct strings *strings, struct arena *arena)
{
    vec_add(arena, strings, NULL);
    return strings->items;
}

static int read_texts(const char ***texts, json_t *json, struct arena *arena, const char *what,
                      struct error *e)
{
    struct strings strings = {0};
    if (spec_read_strings(&strings, json, arena, what, e) < 0)
        return -1;
    *texts = null_terminated(&strings, arena);
    return 0;
}

static int read_id(uint32_t *id, json_t *json, const char *what, struct error *e)
{
    json_int_t value = json_integer_value(json);
    /* The kernel takes (uid_t)-1 as "leave it", never as a user. */
    if (!json_is_integer(json) || value < 0 || value >= UINT32_MAX)
        return fail(e, EINVAL, "process.user.%s is not an id", what);
    *id = (uint32_t)value;
    return 0;
}

static int read_user(struct process_spec *process, json_t *user, struct arena *arena,
                     struct error *e)
{
    json_t *uid = json_object_get(user, "uid"), *gid = json_object_get(user, "gid");
    json_t *mask = json_object_get(user, "umask"),
           *groups = json_object_get(user, "additionalGids");
    process->umask = json_is_integer(mask) ? (int)json_integer_value(mask) & 0777 : -1;
    if ((uid && read_id(&process->uid, uid, "uid", e) < 0) ||
        (gid && read_id(&process->gid, gid, "gid", e) < 0))
        return -1;
    process->groups = arena_alloc(arena, json_array_size(groups) * sizeof(gid_t));
    size_t i = 0;
    json_t *group = NULL;
    json_array_foreach (groups, i, group) {
        if (read_id(&process->groups[process->groups_count++], group, "additionalGids", e) < 0)
            return -1;
    }
    return 0;
}

static int read_capability_set(uint64_t *set, json_t *capabilities, const char *name,
                               struct error *e)
{
    size_t i = 0;
    json_t *item = NULL, *names = json_object_get(capabilities, name);
    json_array_foreach (names, i, item) {
        int number = json_is_string(item) ? capability_number(json_string_value(item)) : -1;
        if (number < 0)
            return fail(e, EINVAL, "process.capabilities.%s: unknown capability %s", name,
                        json_is_string(item) ? json_string_value(item) : "(no string)");
        *set |= UINT64_C(1) << number;
    }
    return 0;
}

static int read_capabilities(struct capability_sets *sets, json_t *json, struct error *e)
{
    sets->given = json_is_object(json);
    if (read_capability_set(&sets->bounding, json, "bounding", e) < 0 ||
        read_capability_set(&sets->effective, json, "effective", e) < 0 ||
        read_capability_set(&sets->permitted, json, "permitted", e) < 0 ||
        read_capability_set(&sets->inheritable, json, "inheritable", e) < 0)
        return -1;
    return read_capability_set(&sets->ambient, json, "ambient", e);
}

static int read_limits(struct process_spec *process, json_t *json, struct arena *arena,
                       struct error *e)
{
    process->limits = arena_alloc(arena, json_array_size(json) * sizeof(*process->limits));
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (json, i, item) {
        json_error_t why;
        const char *type = NULL;
        json_int_t soft = 0, hard = 0;
        if (json_unpack_ex(item, &why, 0, "{s:s, s:I, s:I}", "type", &type, "soft", &soft, "hard",
                           &hard) < 0)
            return fail(e, EINVAL, "process.rlimits: %s", why.text);
        int resource = rlimit_number(type);
        if (resource < 0)
            return fail(e, EINVAL, "process.rlimits: unknown limit %s", type);
        /* JSON writers put RLIM_INFINITY as -1 or as 2^64-1, which jansson cannot hold. */
        process->limits[process->limits_count++] =
            (struct resource_limit){resource, (uint64_t)soft, (uint64_t)hard};
    }
    return 0;
}

int spec_read_process(struct process_spec *process, json_t *json, struct arena *arena,
                      struct error *e)
{
    json_error_t why;
    json_t *args = NULL, *env = NULL, *user = NULL, *capabilities = NULL, *limits = NULL;
    json_t *oom = NULL;
    int nnp = 0, terminal = 0;
    const char *apparmor = "";
    if (json_unpack_ex(json, &why, 0, "{s:s, s:o, s?o, s?o, s?o, s?o, s?o, s?b, s?b, s?s}", "cwd",
                       &process->cwd, "args", &args, "env", &env, "user", &user, "capabilities",
                       &capabilities, "rlimits", &limits, "oomScoreAdj", &oom, "noNewPrivileges",
                       &nnp, "terminal", &terminal, "apparmorProfile", &apparmor) < 0)
        return fail(e, EINVAL, "process: %s", why.text);
    if (*apparmor && strcmp(apparmor, "unconfined") != 0)
        return fail(e, ENOTSUP, "process.apparmorProfile %s: AppArmor is not supported", apparmor);
    if (process->cwd[0] != '/')
        return fail(e, EINVAL, "process.cwd %s is not absolute", process->cwd);
    process->no_new_privileges = nnp;
    process->terminal = terminal;
    process->sets_oom_score_adj = json_is_integer(oom);
    process->oom_score_adj = (int)json_integer_value(oom);
    if (read_texts(&process->args, args, arena, "process.args", e) < 0 ||
        read_texts(&process->env, env, arena, "process.env", e) < 0 ||
        read_user(process, user, arena, e) < 0 ||
        read_capabilities(&process->capabilities, capabilities, e) < 0)
        return -1;
    if (!process->args[0])
        return fail(e, EINVAL, "process.args is empty");
    return read_limits(process, limits, arena, e);
}
