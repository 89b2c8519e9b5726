/* A further process in a running container. */
#include "base/cleanup.h"
#include "runtime/cgroup.h"
#include "runtime/launch.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"

struct visit {
    const struct runtime_container *container;
    pid_t init;
    struct process_spec process;
    struct cgroup cgroup;
    struct seccomp_filter filter;
    struct arena *arena;
};

static int enter_the_container(void *argument, struct error *e)
{
    struct visit *visit = argument;
    if (cgroup_enter(&visit->cgroup, e) < 0 || process_set_oom_score(&visit->process, e) < 0)
        return LAUNCH_SETUP_FAILED;
    return namespaces_join_all_of(visit->init, e) < 0 ? LAUNCH_SETUP_FAILED : 0;
}

static int become_the_process(void *argument, struct error *e)
{
    struct visit *visit = argument;
    return process_execute(&visit->process, &visit->container->stdio, &visit->filter, visit->arena,
                           e);
}

static pid_t go_in(struct visit *visit, const struct spec *spec, struct error *e)
{
    if (seccomp_prepare(&visit->filter, spec->seccomp, visit->container->seccomp_cache,
                        visit->arena, e) < 0 ||
        cgroup_find(&visit->cgroup, spec->cgroups_path, visit->arena, e) < 0)
        return launch_not_the_command(e);
    AUTO_CLOSE int cgroup = cgroup_open_v2(&visit->cgroup, e);
    if (cgroup < 0 && e->code)
        return launch_not_the_command(e);
    const struct launch plan = {
        .cgroup = cgroup,
        .prepare = enter_the_container,
        .become = become_the_process,
        .joins_pid_namespace = true,
        .argument = visit,
    };
    return launch(&plan, e);
}

pid_t runtime_exec(const struct runtime_container *container, pid_t init, const char *process_json,
                   struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct visit visit = {.container = container, .init = init, .arena = arena};
    struct spec spec = {0};
    json_t *process = spec_parse(process_json, "process", e);
    pid_t pid = -1;
    if (!process || spec_read_process(&visit.process, process, arena, e) < 0 ||
        spec_open(&spec, container->bundle, arena, e) < 0)
        (void)launch_not_the_command(e);
    else
        pid = go_in(&visit, &spec, e);
    spec_close(&spec);
    json_decref(process);
    if (pid < 0)
        (void)fail_in(e, "container %s", container->id);
    return pid;
}
