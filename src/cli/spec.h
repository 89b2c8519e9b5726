/* The container that `run` and `create` ask for. */
#ifndef STASIS_CLI_SPEC_H
#define STASIS_CLI_SPEC_H

#include <jansson.h>

#include "cli/command.h"

struct container_options {
    bool detach, interactive, tty, init, privileged, read_only, rm, sig_proxy, quiet;
    const char *name, *workdir, *user, *hostname, *domainname, *network, *memory, *memory_swap;
    const char *memory_reservation, *cpus, *cpuset_cpus, *cpuset_mems, *entrypoint, *stop_signal;
    const char *shm_size, *cidfile, *detach_keys, *pull, *pid, *ipc, *uts, *cgroup_parent;
    struct number stop_timeout, pids_limit, cpu_shares, cpu_period, cpu_quota, oom_score_adj;
    struct text_list env, env_file, volume, mount, cap_add, cap_drop, security_opt, ulimit, label;
    struct text_list tmpfs, attach, group_add, add_host, dns, sysctl;
};

extern const struct container_options default_container_options;
extern const struct option run_option_table[];
extern const struct option create_option_table[];

/* The body of POST /containers/create: `words` are the image and the command. A new reference, or
 * NULL with *e. */
json_t *container_spec(struct cli *cli, const struct container_options *options, struct words words,
                       struct error *e);

#endif
