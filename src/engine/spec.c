#include "engine/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/mounts.h"
#include "engine/network_files.h"
#include "engine/rootfs.h"
#include "engine/seccomp_profile.h"
#include "engine/users.h"
#include "runtime/defaults.h"

static const json_t *host_config_of(const struct container *container)
{
    return json_object_get(container->config, "HostConfig");
}

/* ------------------------------------------------------------------ capabilities */

static json_t *full_capability_name(const char *name)
{
    char full[64];
    size_t used = 0;
    snprintf(full, sizeof(full), "%s%.50s", strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
    for (; full[used]; used++)
        full[used] = full[used] >= 'a' && full[used] <= 'z' ? (char)(full[used] - 32) : full[used];
    return json_string(full);
}

static bool holds(const json_t *names, const char *name, size_t *at)
{
    size_t i;
    json_t *other;
    json_array_foreach (names, i, other) {
        if (json_is_string(other) && strcasecmp(json_string_value(other), name) == 0) {
            if (at)
                *at = i;
            return true;
        }
    }
    return false;
}

static int change_capabilities(json_t *set, const json_t *wanted, bool add, struct error *e)
{
    json_auto_t *known = runtime_all_capabilities();
    size_t i, at;
    json_t *item;
    json_array_foreach (wanted, i, item) {
        if (!json_is_string(item))
            return fail(e, EINVAL, "capability is not text");
        json_auto_t *name = full_capability_name(json_string_value(item));
        if (strcasecmp(json_string_value(item), "ALL") == 0)
            continue;
        if (!holds(known, json_string_value(name), NULL) && add)
            return fail(e, EINVAL, "invalid capability: unknown capability to add: \"%s\"",
                        json_string_value(name));
        if (add && !holds(set, json_string_value(name), NULL))
            json_array_append(set, name);
        if (!add && holds(set, json_string_value(name), &at))
            json_array_remove(set, at);
    }
    return 0;
}

/* --cap-add and --cap-drop, "ALL" first. */
static json_t *capabilities_of(const struct container *container, struct error *e)
{
    const json_t *host_config = host_config_of(container);
    const json_t *add = json_object_get(host_config, "CapAdd");
    const json_t *drop = json_object_get(host_config, "CapDrop");
    if (json_truth(host_config, "Privileged"))
        return runtime_all_capabilities();
    json_t *set = holds(drop, "ALL", NULL)  ? json_array()
                  : holds(add, "ALL", NULL) ? runtime_all_capabilities()
                                            : runtime_default_capabilities();
    if (holds(drop, "ALL", NULL) && holds(add, "ALL", NULL)) {
        json_decref(set);
        set = runtime_all_capabilities();
    }
    if (change_capabilities(set, drop, false, e) < 0 ||
        change_capabilities(set, add, true, e) < 0) {
        json_decref(set);
        return NULL;
    }
    return set;
}

/* A process that is not root gets none in effect, but may gain those of the bounding set. */
static json_t *capability_sets(json_t *set, uid_t uid)
{
    json_t *effective = uid == 0 ? json_incref(set) : json_array();
    json_t *permitted = uid == 0 ? json_incref(set) : json_array();
    return json_pack("{s:O, s:o, s:o}", "bounding", set, "effective", effective, "permitted",
                     permitted);
}

/* ------------------------------------------------------------------ security options */

/* The value of `name=value` or `name:value` among the security options; "" if alone; NULL. */
static const char *security_option(const json_t *host_config, const char *name)
{
    size_t i, length = strlen(name);
    json_t *option;
    json_array_foreach (json_object_get(host_config, "SecurityOpt"), i, option) {
        const char *text = json_string_value(option);
        if (strncmp(text, name, length) == 0 &&
            (text[length] == '=' || text[length] == ':' || !text[length]))
            return text[length] ? text + length + 1 : "";
    }
    return NULL;
}

static bool forbids_new_privileges(const json_t *host_config)
{
    const char *value = security_option(host_config, "no-new-privileges");
    return value && (!*value || strcmp(value, "true") == 0);
}

/* linux.seccomp, or JSON null where the container is not confined. NULL: *e. */
static json_t *seccomp_of(const struct container *container, const json_t *capabilities,
                          struct error *e)
{
    const json_t *host_config = host_config_of(container);
    const char *profile = security_option(host_config, "seccomp");
    if ((!profile && json_truth(host_config, "Privileged")) ||
        (profile && strcmp(profile, "unconfined") == 0))
        return json_null();
    if (!profile || !*profile || strcmp(profile, "builtin") == 0)
        return runtime_default_seccomp(capabilities);
    return seccomp_profile_read(profile, capabilities, e);
}

/* ------------------------------------------------------------------ process */

static bool has_variable(const json_t *env, const char *name)
{
    size_t i, length = strlen(name);
    json_t *item;
    json_array_foreach (env, i, item) {
        const char *text = json_string_value(item);
        if (strncmp(text, name, length) == 0 && text[length] == '=')
            return true;
    }
    return false;
}

static void add_variable(json_t *env, const char *name, const char *value)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (!has_variable(env, name))
        json_array_append_new(env, json_string(arena_printf(arena, "%s=%s", name, value)));
}

static json_t *environment_of(const struct container *container, const struct user *user)
{
    json_t *config = json_object_get(container->config, "Config");
    json_t *env = json_array(), *given;
    size_t i;
    json_array_foreach (json_object_get(config, "Env"), i, given) {
        if (strchr(json_string_value(given), '=')) /* a name alone unsets it */
            json_array_append(env, given);
    }
    add_variable(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_variable(env, "HOSTNAME", json_text(config, "Hostname"));
    add_variable(env, "HOME", user->home);
    return env;
}

static json_t *rlimits_of(const json_t *host_config)
{
    json_t *limits = json_array(), *limit;
    size_t i;
    json_array_foreach (json_object_get(host_config, "Ulimits"), i, limit) {
        char name[40] = "RLIMIT_";
        size_t used = strlen(name);
        for (const char *at = json_text(limit, "Name"); *at && used < sizeof(name) - 1; at++)
            name[used++] = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
        name[used] = 0;
        json_array_append_new(limits, json_pack("{s:s, s:I, s:I}", "type", name, "soft",
                                                json_number(limit, "Soft"), "hard",
                                                json_number(limit, "Hard")));
    }
    return limits;
}

static json_t *user_object(const struct user *user, const json_t *host_config)
{
    json_t *groups = json_array(), *group;
    size_t i;
    for (i = 0; i < user->groups_count; i++)
        json_array_append_new(groups, json_integer(user->groups[i]));
    json_array_foreach (json_object_get(host_config, "GroupAdd"), i, group) {
        uint64_t gid;
        if (json_is_string(group) && parse_u64(json_string_value(group), 10, &gid))
            json_array_append_new(groups, json_integer((json_int_t)gid));
    }
    return json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)user->uid, "gid", (json_int_t)user->gid,
                     "additionalGids", groups);
}

static json_t *command_line(const struct container *container)
{
    json_t *line = json_array();
    json_array_append(line, json_object_get(container->config, "Path"));
    json_array_extend(line, json_object_get(container->config, "Args"));
    return line;
}

static json_t *make_process(const struct container *container, const struct user *user,
                            json_t *capabilities, json_t *arguments)
{
    const json_t *host_config = host_config_of(container);
    const char *cwd = json_text(json_object_get(container->config, "Config"), "WorkingDir");
    json_t *process = json_pack(
        "{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", false, "user",
        user_object(user, host_config), "args", arguments, "env", environment_of(container, user),
        "cwd", *cwd ? cwd : "/", "capabilities", capability_sets(capabilities, user->uid),
        "rlimits", rlimits_of(host_config), "noNewPrivileges", forbids_new_privileges(host_config));
    if (json_number(host_config, "OomScoreAdj"))
        json_object_set(process, "oomScoreAdj", json_object_get(host_config, "OomScoreAdj"));
    return process;
}

/* The first of two variables with one name would win: the old one goes. */
static void override_variables(json_t *env, const json_t *given)
{
    size_t i, k;
    json_t *assignment, *old;
    json_array_foreach (given, i, assignment) {
        const char *text = json_string_value(assignment);
        size_t length = strcspn(text, "=") + 1;
        json_array_foreach (env, k, old) {
            if (strncmp(json_string_value(old), text, length) == 0)
                json_array_remove(env, k--);
        }
        json_array_append(env, assignment);
    }
}

json_t *spec_exec_process(const struct container *container, const json_t *config, int rootfs,
                          struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct user user;
    const json_t *of_container = json_object_get(container->config, "Config");
    const char *name = json_text(config, "User"), *cwd = json_text(config, "WorkingDir");
    if (user_resolve(&user, rootfs, *name ? name : json_text(of_container, "User"), arena, e) < 0)
        return NULL;
    bool privileged = json_truth(config, "Privileged");
    json_auto_t *capabilities =
        privileged ? runtime_all_capabilities() : capabilities_of(container, e);
    if (!capabilities)
        return NULL;
    json_t *process =
        make_process(container, &user, capabilities, json_incref(json_object_get(config, "Cmd")));
    override_variables(json_object_get(process, "env"), json_object_get(config, "Env"));
    if (*cwd)
        json_object_set_new(process, "cwd", json_string(cwd));
    return process;
}

/* ------------------------------------------------------------------ resources */

static void set_number(json_t *object, const char *key, json_int_t value)
{
    if (value)
        json_object_set_new(object, key, json_integer(value));
}

static json_t *memory_limits(const json_t *host_config)
{
    json_t *memory = json_object();
    json_int_t limit = json_number(host_config, "Memory");
    json_int_t swap = json_number(host_config, "MemorySwap");
    set_number(memory, "limit", limit);
    set_number(memory, "swap", swap ? swap : 2 * limit);
    set_number(memory, "reservation", json_number(host_config, "MemoryReservation"));
    return memory;
}

static json_t *cpu_limits(const json_t *host_config)
{
    json_t *cpu = json_object();
    json_int_t nano = json_number(host_config, "NanoCpus");
    json_int_t period = json_number(host_config, "CpuPeriod");
    set_number(cpu, "shares", json_number(host_config, "CpuShares"));
    set_number(cpu, "period", nano ? 100000 : period);
    set_number(cpu, "quota", nano ? nano / 10000 : json_number(host_config, "CpuQuota"));
    if (*json_text(host_config, "CpusetCpus"))
        json_object_set(cpu, "cpus", json_object_get(host_config, "CpusetCpus"));
    if (*json_text(host_config, "CpusetMems"))
        json_object_set(cpu, "mems", json_object_get(host_config, "CpusetMems"));
    return cpu;
}

json_t *spec_resources(const struct container *container)
{
    const json_t *host_config = host_config_of(container);
    bool privileged = json_truth(host_config, "Privileged");
    json_t *resources = json_pack("{s:o}", "devices", runtime_default_device_rules(privileged));
    json_int_t pids = json_number(host_config, "PidsLimit");
    json_auto_t *memory = memory_limits(host_config);
    json_auto_t *cpu = cpu_limits(host_config);
    if (json_object_size(memory))
        json_object_set(resources, "memory", memory);
    if (json_object_size(cpu))
        json_object_set(resources, "cpu", cpu);
    if (pids > 0)
        json_object_set_new(resources, "pids", json_pack("{s:I}", "limit", pids));
    return resources;
}

/* ------------------------------------------------------------------ the rest */

static void add_namespace(json_t *namespaces, const char *type, bool shared)
{
    if (!shared)
        json_array_append_new(namespaces, json_pack("{s:s}", "type", type));
}

static json_t *namespaces_of(const json_t *host_config)
{
    json_t *namespaces = json_array();
#define IS_HOST(key) (strcmp(json_text(host_config, key), "host") == 0)
    add_namespace(namespaces, "mount", false);
    add_namespace(namespaces, "pid", IS_HOST("PidMode"));
    add_namespace(namespaces, "network", IS_HOST("NetworkMode"));
    add_namespace(namespaces, "ipc", IS_HOST("IpcMode"));
    add_namespace(namespaces, "uts", IS_HOST("UTSMode"));
    add_namespace(namespaces, "cgroup", IS_HOST("CgroupnsMode"));
#undef IS_HOST
    return namespaces;
}

/* HostConfig.ShmSize is a mount option of /dev/shm. */
static void set_shm_size(json_t *mounts, json_int_t size)
{
    char option[40];
    size_t i, k;
    json_t *mount, *old;
    snprintf(option, sizeof(option), "size=%lld", (long long)size);
    json_array_foreach (mounts, i, mount) {
        if (strcmp(json_text(mount, "destination"), "/dev/shm") != 0)
            continue;
        json_t *options = json_object_get(mount, "options");
        json_array_foreach (options, k, old) {
            if (starts_with(json_string_value(old), "size="))
                json_array_remove(options, k--);
        }
        json_array_append_new(options, json_string(option));
    }
}

/* What the user mounts takes the place of a default mount there. */
static void drop_replaced(json_t *defaults, const json_t *mount_points)
{
    size_t i, k;
    json_t *mount, *point;
    json_array_foreach (mount_points, i, point) {
        json_array_foreach (defaults, k, mount) {
            if (strcmp(json_text(mount, "destination"), json_text(point, "Destination")) == 0) {
                json_array_remove(defaults, k);
                break;
            }
        }
    }
}

static json_t *mounts_of(const struct container *container, struct error *e)
{
    const json_t *host_config = host_config_of(container);
    const json_t *points = json_object_get(container->config, "MountPoints");
    json_t *mounts = runtime_default_mounts(json_truth(host_config, "Privileged"));
    network_files_append_mounts(container, mounts);
    drop_replaced(mounts, points);
    set_shm_size(mounts, json_number(host_config, "ShmSize"));
    if (mounts_append_oci(mounts, points, host_config, e) < 0) {
        json_decref(mounts);
        return NULL;
    }
    return mounts;
}

static json_t *given_or(const json_t *given, json_t *fallback)
{
    if (!json_is_array(given))
        return fallback;
    json_decref(fallback);
    return json_incref((json_t *)given);
}

static json_t *linux_of(const struct container *container, const json_t *capabilities,
                        struct error *e)
{
    char cgroup[256];
    const json_t *host_config = host_config_of(container);
    bool privileged = json_truth(host_config, "Privileged");
    container_cgroup(container, cgroup);
    json_auto_t *part = json_pack("{s:o, s:s, s:o}", "namespaces", namespaces_of(host_config),
                                  "cgroupsPath", cgroup, "resources", spec_resources(container));
    json_t *seccomp = seccomp_of(container, capabilities, e);
    if (!seccomp)
        return NULL;
    if (json_is_object(seccomp))
        json_object_set(part, "seccomp", seccomp);
    json_decref(seccomp);
    if (privileged) {
        json_object_set_new(part, "devices", runtime_host_devices());
    } else {
        json_object_set_new(
            part, "maskedPaths",
            given_or(json_object_get(host_config, "MaskedPaths"), runtime_default_masked_paths()));
        json_object_set_new(part, "readonlyPaths",
                            given_or(json_object_get(host_config, "ReadonlyPaths"),
                                     runtime_default_readonly_paths()));
    }
    if (json_object_size(json_object_get(host_config, "Sysctls")))
        json_object_set(part, "sysctl", json_object_get(host_config, "Sysctls"));
    return json_incref(part);
}

static int write_with(struct container *container, const struct user *user, struct arena *arena,
                      struct error *e)
{
    const json_t *host_config = host_config_of(container);
    json_t *config = json_object_get(container->config, "Config");
    json_auto_t *capabilities = capabilities_of(container, e);
    json_auto_t *mounts = capabilities ? mounts_of(container, e) : NULL;
    json_auto_t *part = mounts ? linux_of(container, capabilities, e) : NULL;
    if (!part)
        return -1;
    json_auto_t *spec =
        json_pack("{s:s, s:o, s:{s:s, s:b}, s:O, s:O}", "ociVersion", "1.0.2", "process",
                  make_process(container, user, capabilities, command_line(container)), "root",
                  "path", rootfs_path(container, arena), "readonly",
                  json_truth(host_config, "ReadonlyRootfs"), "mounts", mounts, "linux", part);
    if (strcmp(json_text(host_config, "UTSMode"), "host") != 0) {
        json_object_set(spec, "hostname", json_object_get(config, "Hostname"));
        if (*json_text(config, "Domainname"))
            json_object_set(spec, "domainname", json_object_get(config, "Domainname"));
    }
    return json_replace_at(container->dir, "config.json", spec, e);
}

int spec_write(struct container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct user user;
    json_t *config = json_object_get(container->config, "Config");
    AUTO_CLOSE int rootfs = open_directory_at(AT_FDCWD, rootfs_path(container, arena), false, e);
    if (rootfs < 0 || user_resolve(&user, rootfs, json_text(config, "User"), arena, e) < 0)
        return -1;
    return write_with(container, &user, arena, e);
}
