#include "cli/spec.h"

#include <string.h>

#include "base/text.h"
#include "cli/values.h"

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct container_options, field, letter, name, value, help)

const struct container_options default_container_options = {.sig_proxy = true};

#define CONTAINER_OPTIONS                                                                          \
    OPT(add_host, 0, "add-host", "list", "Add a custom host-to-IP mapping (host:ip)"),             \
        OPT(attach, 'a', "attach", "list", "Attach to STDIN, STDOUT or STDERR"),                   \
        OPT(cap_add, 0, "cap-add", "list", "Add Linux capabilities"),                              \
        OPT(cap_drop, 0, "cap-drop", "list", "Drop Linux capabilities"),                           \
        OPT(cgroup_parent, 0, "cgroup-parent", "string",                                           \
            "Optional parent cgroup for the "                                                      \
            "container"),                                                                          \
        OPT(cidfile, 0, "cidfile", "string", "Write the container ID to the file"),                \
        OPT(cpu_period, 0, "cpu-period", "int",                                                    \
            "Limit CPU CFS (Completely Fair Scheduler) "                                           \
            "period"),                                                                             \
        OPT(cpu_quota, 0, "cpu-quota", "int", "Limit CPU CFS (Completely Fair Scheduler) quota"),  \
        OPT(cpu_shares, 'c', "cpu-shares", "int", "CPU shares (relative weight)"),                 \
        OPT(cpus, 0, "cpus", "decimal", "Number of CPUs"),                                         \
        OPT(cpuset_cpus, 0, "cpuset-cpus", "string",                                               \
            "CPUs in which to allow execution (0-3, "                                              \
            "0,1)"),                                                                               \
        OPT(cpuset_mems, 0, "cpuset-mems", "string",                                               \
            "MEMs in which to allow execution (0-3, "                                              \
            "0,1)"),                                                                               \
        OPT(dns, 0, "dns", "list", "Set custom DNS servers"),                                      \
        OPT(domainname, 0, "domainname", "string", "Container NIS domain name"),                   \
        OPT(entrypoint, 0, "entrypoint", "string",                                                 \
            "Overwrite the default ENTRYPOINT of the "                                             \
            "image"),                                                                              \
        OPT(env, 'e', "env", "list", "Set environment variables"),                                 \
        OPT(env_file, 0, "env-file", "list", "Read in a file of environment variables"),           \
        OPT(group_add, 0, "group-add", "list", "Add additional groups to join"),                   \
        OPT(hostname, 'h', "hostname", "string", "Container host name"),                           \
        OPT(init, 0, "init", NULL, NULL),                                                          \
        OPT(interactive, 'i', "interactive", NULL, "Keep STDIN open even if not attached"),        \
        OPT(ipc, 0, "ipc", "string", "IPC mode to use"),                                           \
        OPT(label, 'l', "label", "list", "Set meta data on a container"),                          \
        OPT(memory, 'm', "memory", "bytes", "Memory limit"),                                       \
        OPT(memory_reservation, 0, "memory-reservation", "bytes", "Memory soft limit"),            \
        OPT(memory_swap, 0, "memory-swap", "bytes",                                                \
            "Swap limit equal to memory plus swap: "                                               \
            "'-1' to enable unlimited swap"),                                                      \
        OPT(mount, 0, "mount", "mount", "Attach a filesystem mount to the container"),             \
        OPT(name, 0, "name", "string", "Assign a name to the container"),                          \
        OPT(network, 0, "net", "network", NULL),                                                   \
        OPT(network, 0, "network", "network", "Connect a container to a network (none or host)"),  \
        OPT(oom_score_adj, 0, "oom-score-adj", "int",                                              \
            "Tune host's OOM preferences (-1000 to "                                               \
            "1000)"),                                                                              \
        OPT(pid, 0, "pid", "string", "PID namespace to use"),                                      \
        OPT(pids_limit, 0, "pids-limit", "int",                                                    \
            "Tune container pids limit (set -1 for "                                               \
            "unlimited)"),                                                                         \
        OPT(privileged, 0, "privileged", NULL, "Give extended privileges to this container"),      \
        OPT(pull, 0, "pull", "string", NULL), OPT(quiet, 'q', "quiet", NULL, NULL),                \
        OPT(read_only, 0, "read-only", NULL,                                                       \
            "Mount the container's root filesystem as read "                                       \
            "only"),                                                                               \
        OPT(rm, 0, "rm", NULL, "Automatically remove the container when it exits"),                \
        OPT(security_opt, 0, "security-opt", "list", "Security Options"),                          \
        OPT(shm_size, 0, "shm-size", "bytes", "Size of /dev/shm"),                                 \
        OPT(stop_signal, 0, "stop-signal", "string", "Signal to stop the container"),              \
        OPT(stop_timeout, 0, "stop-timeout", "int", "Timeout (in seconds) to stop a container"),   \
        OPT(sysctl, 0, "sysctl", "map", "Sysctl options"),                                         \
        OPT(tmpfs, 0, "tmpfs", "list", "Mount a tmpfs directory"),                                 \
        OPT(tty, 't', "tty", NULL, NULL), OPT(ulimit, 0, "ulimit", "ulimit", "Ulimit options"),    \
        OPT(user, 'u', "user", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),    \
        OPT(uts, 0, "uts", "string", "UTS namespace to use"),                                      \
        OPT(volume, 'v', "volume", "list", "Bind mount a volume"),                                 \
        OPT(workdir, 'w', "workdir", "string", "Working directory inside the container"),          \
        OPTIONS_END

const struct option create_option_table[] = {CONTAINER_OPTIONS};

const struct option run_option_table[] = {
    OPT(detach, 'd', "detach", NULL, "Run container in background and print container ID"),
    OPT(detach_keys, 0, "detach-keys", "string", NULL),
    OPT(sig_proxy, 0, "sig-proxy", NULL, "Proxy received signals to the process (default true)"),
    CONTAINER_OPTIONS};

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

static void set_number(json_t *object, const char *key, struct number number)
{
    if (number.given)
        json_object_set_new(object, key, json_integer(number.value));
}

static void set_flag(json_t *object, const char *key, bool flag)
{
    if (flag)
        json_object_set_new(object, key, json_true());
}

static void set_list(json_t *object, const char *key, const struct text_list *list)
{
    if (list->count == 0)
        return;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    json_object_set_new(object, key, array);
}

/* {"key": "value"} of a list of "key=value"; a lone key has an empty value. */
static void set_map(struct cli *cli, json_t *object, const char *key, const struct text_list *list,
                    char separator)
{
    if (list->count == 0)
        return;
    json_t *map = json_object();
    for (size_t i = 0; i < list->count; i++) {
        const char *middle = strchrnul(list->items[i], separator);
        char *name = arena_strndup(cli->arena, list->items[i], (size_t)(middle - list->items[i]));
        json_object_set_new(map, name, json_string(*middle ? middle + 1 : ""));
    }
    json_object_set_new(object, key, map);
}

static int set_bytes(json_t *object, const char *key, const char *option, const char *text,
                     struct error *e)
{
    int64_t bytes;
    if (!text)
        return 0;
    if (parse_bytes(option, text, &bytes, e) < 0)
        return -1;
    return json_object_set_new(object, key, json_integer(bytes));
}

static json_t *words_as_array(const struct words *words, size_t first)
{
    json_t *array = json_array();
    for (size_t i = first; i < words->count; i++)
        json_array_append_new(array, json_string(words->items[i]));
    return array;
}

static int refuse_what_is_missing(const struct container_options *options, struct error *e)
{
    if (options->tty)
        return fail_usage(e, "terminals (-t, --tty) are not supported yet");
    if (options->init)
        return fail_usage(e, "--init is not supported");
    return 0;
}

static bool attaches(const struct container_options *options, const char *stream)
{
    for (size_t i = 0; i < options->attach.count; i++) {
        if (strcasecmp(options->attach.items[i], stream) == 0)
            return true;
    }
    return false;
}

static void set_streams(const struct container_options *options, json_t *config)
{
    bool all = options->attach.count == 0 && !options->detach;
    bool in = attaches(options, "stdin") || (all && options->interactive);
    json_object_set_new(config, "AttachStdin", json_boolean(in));
    json_object_set_new(config, "AttachStdout", json_boolean(all || attaches(options, "stdout")));
    json_object_set_new(config, "AttachStderr", json_boolean(all || attaches(options, "stderr")));
    json_object_set_new(config, "OpenStdin", json_boolean(options->interactive));
    json_object_set_new(config, "StdinOnce", json_boolean(options->interactive && in));
}

static int set_environment(struct cli *cli, const struct container_options *options, json_t *config,
                           struct error *e)
{
    json_t *env = json_array();
    json_object_set_new(config, "Env", env);
    for (size_t i = 0; i < options->env_file.count; i++) {
        if (add_environment_file(cli, options->env_file.items[i], env, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < options->env.count; i++)
        add_environment(cli, options->env.items[i], env);
    return 0;
}

static int set_config(struct cli *cli, const struct container_options *options,
                      const struct words *words, json_t *config, struct error *e)
{
    set_text(config, "Image", words->items[0]);
    set_text(config, "Hostname", options->hostname);
    set_text(config, "Domainname", options->domainname);
    set_text(config, "User", options->user);
    set_text(config, "WorkingDir", options->workdir);
    set_text(config, "StopSignal", options->stop_signal);
    set_number(config, "StopTimeout", options->stop_timeout);
    set_map(cli, config, "Labels", &options->label, '=');
    set_streams(options, config);
    if (words->count > 1)
        json_object_set_new(config, "Cmd", words_as_array(words, 1));
    if (options->entrypoint)
        json_object_set_new(config, "Entrypoint", json_pack("[s]", options->entrypoint));
    return set_environment(cli, options, config, e);
}

static int set_volumes(struct cli *cli, const struct container_options *options, json_t *config,
                       json_t *host, struct error *e)
{
    json_t *binds = json_array(), *volumes = json_object(), *mounts = json_array();
    json_object_set_new(host, "Binds", binds);
    json_object_set_new(host, "Mounts", mounts);
    json_object_set_new(config, "Volumes", volumes);
    for (size_t i = 0; i < options->volume.count; i++) {
        if (parse_volume(cli, options->volume.items[i], binds, volumes, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < options->mount.count; i++) {
        json_t *mount = parse_mount(cli, options->mount.items[i], e);
        if (!mount)
            return -1;
        json_array_append_new(mounts, mount);
    }
    set_map(cli, host, "Tmpfs", &options->tmpfs, ':');
    return set_bytes(host, "ShmSize", "--shm-size", options->shm_size, e);
}

static int set_security(struct cli *cli, const struct container_options *options, json_t *host,
                        struct error *e)
{
    json_t *security = json_array();
    json_object_set_new(host, "SecurityOpt", security);
    for (size_t i = 0; i < options->security_opt.count; i++) {
        json_t *option = parse_security_option(cli, options->security_opt.items[i], e);
        if (!option)
            return -1;
        json_array_append_new(security, option);
    }
    set_list(host, "CapAdd", &options->cap_add);
    set_list(host, "CapDrop", &options->cap_drop);
    set_list(host, "GroupAdd", &options->group_add);
    set_flag(host, "Privileged", options->privileged);
    set_flag(host, "ReadonlyRootfs", options->read_only);
    return 0;
}

static int set_limits(const struct container_options *options, json_t *host, struct error *e)
{
    int64_t nanos;
    if (options->cpus) {
        if (parse_cpus(options->cpus, &nanos, e) < 0)
            return -1;
        json_object_set_new(host, "NanoCpus", json_integer(nanos));
    }
    json_t *ulimits = json_array();
    json_object_set_new(host, "Ulimits", ulimits);
    for (size_t i = 0; i < options->ulimit.count; i++) {
        json_t *ulimit = parse_ulimit(options->ulimit.items[i], e);
        if (!ulimit)
            return -1;
        json_array_append_new(ulimits, ulimit);
    }
    set_number(host, "PidsLimit", options->pids_limit);
    set_number(host, "CpuShares", options->cpu_shares);
    set_number(host, "CpuPeriod", options->cpu_period);
    set_number(host, "CpuQuota", options->cpu_quota);
    set_number(host, "OomScoreAdj", options->oom_score_adj);
    set_text(host, "CpusetCpus", options->cpuset_cpus);
    set_text(host, "CpusetMems", options->cpuset_mems);
    if (set_bytes(host, "Memory", "-m, --memory", options->memory, e) < 0 ||
        set_bytes(host, "MemoryReservation", "--memory-reservation", options->memory_reservation,
                  e) < 0)
        return -1;
    return set_bytes(host, "MemorySwap", "--memory-swap", options->memory_swap, e);
}

static void set_namespaces(struct cli *cli, const struct container_options *options, json_t *host)
{
    set_text(host, "NetworkMode", options->network ? options->network : "default");
    set_text(host, "PidMode", options->pid);
    set_text(host, "IpcMode", options->ipc);
    set_text(host, "UTSMode", options->uts);
    set_text(host, "CgroupParent", options->cgroup_parent);
    set_list(host, "ExtraHosts", &options->add_host);
    set_list(host, "Dns", &options->dns);
    set_map(cli, host, "Sysctls", &options->sysctl, '=');
    set_flag(host, "AutoRemove", options->rm);
}

json_t *container_spec(struct cli *cli, const struct container_options *options, struct words words,
                       struct error *e)
{
    json_t *config = json_object(), *host = json_object();
    if (refuse_what_is_missing(options, e) < 0 || set_config(cli, options, &words, config, e) < 0 ||
        set_volumes(cli, options, config, host, e) < 0 || set_security(cli, options, host, e) < 0 ||
        set_limits(options, host, e) < 0) {
        json_decref(config);
        json_decref(host);
        return NULL;
    }
    set_namespaces(cli, options, host);
    json_object_set_new(config, "HostConfig", host);
    return config;
}
