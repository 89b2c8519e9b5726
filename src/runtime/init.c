/* How a container comes to be. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
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
    struct shared_filter *filter;
    struct arena *arena;
    int ready[2]; /* a pipe: one byte says that cgroups and filter are there */
};

static int make_cgroups_and_filter(struct birth *birth, struct error *e)
{
    struct seccomp_filter filter;
    const char *cache = birth->container->seccomp_cache;
    if (cgroup_create(&birth->cgroup, birth->spec.resources, birth->arena, e) < 0 ||
        seccomp_prepare(&filter, birth->spec.seccomp, cache, birth->arena, e) < 0)
        return -1;
    seccomp_share(birth->filter, &filter);
    return write(birth->ready[1], "", 1) < 0 ? fail_errno(e, "pipe") : 0;
}

/* What the caller does while the new process makes its network namespace and its mounts: both take
 * the kernel about the same time. */
static int do_the_callers_part(void *argument, struct error *e)
{
    struct birth *birth = argument;
    int made = make_cgroups_and_filter(birth, e);
    close(birth->ready[1]);
    birth->ready[1] = -1;
    /* The new process has its own: this would only be in the way once it has executed. */
    spec_close(&birth->spec);
    seccomp_unshare(birth->filter);
    birth->filter = NULL;
    return made;
}

static int enter_cgroups(void *argument, struct error *e)
{
    struct birth *birth = argument;
    char byte = 0;
    if (read_full(birth->ready[0], &byte, 1) != 1)
        return fail(e, ECANCELED, "the caller could not do its part");
    if (cgroup_enter(&birth->cgroup, e) < 0)
        return -1;
    /* The cgroup that a process is in becomes the root of its new cgroup namespace: not earlier. */
    if (birth->spec.new_namespaces & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
        return fail_errno(e, "cgroup namespace");
    return 0;
}

static int enter_what_exists(void *argument, struct error *e)
{
    struct birth *birth = argument;
    close(birth->ready[1]);
    if (process_set_oom_score(&birth->spec.process, e) < 0 ||
        namespaces_join_given(&birth->spec, e) < 0)
        return LAUNCH_SETUP_FAILED;
    return 0;
}

static int become_the_container(void *argument, struct error *e)
{
    struct birth *birth = argument;
    struct spec *spec = &birth->spec;
    if (namespaces_set_up(spec, e) < 0)
        return LAUNCH_SETUP_FAILED;
    AUTO_CLOSE int root = rootfs_furnish(spec, birth->container->bundle, &birth->cgroup.hierarchies,
                                         enter_cgroups, birth, birth->arena, e);
    if (root < 0 || rootfs_enter(root, spec, e) < 0)
        return LAUNCH_SETUP_FAILED;
    close(take_fd(&root));
    struct seccomp_filter filter = seccomp_shared(birth->filter);
    return process_execute(&spec->process, &birth->container->stdio, &filter, birth->arena, e);
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
    AUTO_CLOSE int cgroup = cgroup_open_v2(&birth->cgroup, e);
    if (cgroup < 0 && e->code)
        return launch_not_the_command(e);
    const struct launch plan = {
        .namespaces = birth->spec.new_namespaces & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWNET),
        .cgroup = cgroup,
        .prepare = enter_what_exists,
        .become = become_the_container,
        .meanwhile = do_the_callers_part,
        .joins_pid_namespace = joins_pid_namespace(&birth->spec),
        .argument = birth,
    };
    if (pipe2(birth->ready, O_CLOEXEC) < 0)
        return fail_errno(e, "pipe");
    pid_t pid = launch(&plan, e);
    close(birth->ready[0]);
    if (birth->ready[1] >= 0)
        close(birth->ready[1]);
    return pid;
}

static pid_t start(struct birth *birth, struct error *e)
{
    struct spec *spec = &birth->spec;
    birth->filter = seccomp_make_shared(e);
    if (!birth->filter || cgroup_find(&birth->cgroup, spec->cgroups_path, birth->arena, e) < 0 ||
        cgroup_create_v2(&birth->cgroup, birth->arena, e) < 0)
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
    if (birth.filter)
        seccomp_unshare(birth.filter);
    if (pid < 0)
        (void)fail_in(e, "container %s", container->id);
    return pid;
}
