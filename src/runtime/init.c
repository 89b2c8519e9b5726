/* How a container comes to be. */
#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>

#include "runtime/cgroup.h"
#include "runtime/launch.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"

struct birth {
    const struct runtime_container *container;
    struct spec spec;
    struct cgroup cgroup;
    struct cgroup_entrance entrance;
    struct seccomp_filter filter;
    struct arena *arena;
};

static int enter_what_exists(void *argument, struct error *e)
{
    struct birth *birth = argument;
    if (cgroup_enter(&birth->entrance, e) < 0 || process_set_oom_score(&birth->spec.process, e) < 0)
        return LAUNCH_SETUP_FAILED;
    return namespaces_join_given(&birth->spec, e) < 0 ? LAUNCH_SETUP_FAILED : 0;
}

static int become_the_container(void *argument, struct error *e)
{
    struct birth *birth = argument;
    struct spec *spec = &birth->spec;
    /* The cgroup that a process is in becomes the root of its new cgroup namespace: not earlier. */
    if (spec->new_namespaces & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0) {
        fail_errno(e, "cgroup namespace");
        return LAUNCH_SETUP_FAILED;
    }
    if (namespaces_set_up(spec, e) < 0 ||
        rootfs_enter(spec, birth->container->bundle, &birth->cgroup.hierarchies, birth->arena, e) <
            0)
        return LAUNCH_SETUP_FAILED;
    cgroup_entrance_close(&birth->entrance);
    return process_execute(&spec->process, &birth->container->stdio, &birth->filter, birth->arena,
                           e);
}

static bool joins_pid_namespace(const struct spec *spec)
{
    for (size_t i = 0; i < spec->joined_count; i++)
        if (spec->joined[i].flag == CLONE_NEWPID)
            return true;
    return false;
}

static pid_t give_birth(struct birth *birth, struct error *e)
{
    AUTO_ENTRANCE struct cgroup_entrance entrance = {.v2 = -1};
    if (cgroup_entrance_open(&entrance, &birth->cgroup, birth->arena, e) < 0)
        return launch_not_the_command(e);
    birth->entrance = entrance;
    const struct launch plan = {
        .namespaces = birth->spec.new_namespaces & ~(uint64_t)CLONE_NEWCGROUP,
        .cgroup = entrance.v2,
        .prepare = enter_what_exists,
        .become = become_the_container,
        .joins_pid_namespace = joins_pid_namespace(&birth->spec),
        .argument = birth,
    };
    return launch(&plan, e);
}

static pid_t start(struct birth *birth, struct error *e)
{
    struct spec *spec = &birth->spec;
    const char *cache = birth->container->seccomp_cache;
    if (seccomp_prepare(&birth->filter, spec->seccomp, cache, birth->arena, e) < 0 ||
        cgroup_find(&birth->cgroup, spec->cgroups_path, birth->arena, e) < 0 ||
        cgroup_create(&birth->cgroup, spec->resources, birth->arena, e) < 0)
        return launch_not_the_command(e);
    pid_t pid = give_birth(birth, e);
    struct error ignored;
    if (pid < 0)
        (void)cgroup_remove(&birth->cgroup, birth->arena, &ignored);
    return pid;
}

pid_t runtime_start(const struct runtime_container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct birth birth = {.container = container, .arena = arena};
    pid_t pid = -1;
    if (spec_open(&birth.spec, container->bundle, arena, e) < 0)
        (void)launch_not_the_command(e);
    else
        pid = start(&birth, e);
    spec_close(&birth.spec);
    if (pid < 0)
        (void)fail_in(e, "container %s", container->id);
    return pid;
}
