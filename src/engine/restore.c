/* Starting a container from a checkpoint, its own or another's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/checkpoint_place.h"
#include "engine/engine.h"
#include "engine/monitor.h"
#include "engine/rootfs.h"
#include "engine/spec.h"
#include "engine/work_log.h"
#include "runtime/runtime.h"
#include "stasis.h"

struct restore_work {
    const struct engine_checkpoint *request;
    const json_t *about; /* checkpoint.json */
    int dir;             /* the checkpoint */
};

/* ------------------------------------------------------------------ in the monitor */

/* What the checkpoint knows as pipes of its monitor are the pipes of this one. The null device is
 * left to the core: other descriptors of the processes may be open on it as well. */
static void map_streams(const struct restore_work *work, const struct runtime_stdio *stdio,
                        struct stasis_inherited_fd fds[3], struct stasis_options *options)
{
    const int given[] = {stdio->in, stdio->out, stdio->err};
    json_t *streams = json_object_get(work->about, "Streams");
    for (size_t i = 0; i < 3; i++) {
        const char *key = json_string_value(json_array_get(streams, i));
        if (key && strncmp(key, "pipe:", 5) == 0)
            fds[options->inherited_fds_count++] =
                (struct stasis_inherited_fd){.key = key, .fd = given[i]};
    }
    options->inherited_fds = fds;
}

static const char *source_of(const struct runtime_mounts *mounts, const char *point)
{
    for (size_t i = 0; i < mounts->count; i++) {
        if (strcmp(mounts->items[i].destination, point) == 0)
            return mounts->items[i].source;
    }
    return NULL;
}

static int map_mounts(const struct restore_work *work, const struct runtime_container *runtime,
                      struct arena *arena, struct stasis_options *options, struct error *e)
{
    struct runtime_mounts mounts;
    size_t i;
    json_t *point;
    json_t *points = json_object_get(work->about, "ExternalMounts");
    if (runtime_make_mount_points(runtime, e) < 0 ||
        runtime_external_mounts(runtime, arena, &mounts, e) < 0)
        return -1;
    struct stasis_mapping *mapped =
        arena_alloc(arena, (json_array_size(points) + 1) * sizeof(*mapped));
    json_array_foreach (points, i, point) {
        const char *key = json_string_value(point);
        const char *source = key ? source_of(&mounts, key) : NULL;
        if (!source)
            return fail(e, EINVAL, "the checkpoint has a mount at %s, this container has none",
                        key ? key : "?");
        mapped[i] = (struct stasis_mapping){.key = key, .value = source};
    }
    options->external_mounts = mapped;
    options->external_mounts_count = json_array_size(points);
    return 0;
}

/* A checkpoint holds the parameters of other namespaces, not those of a network's. */
static void map_sysctls(const struct container *container, struct arena *arena,
                        struct stasis_options *options)
{
    const char *name;
    json_t *value,
        *sysctls = json_object_get(json_object_get(container->config, "HostConfig"), "Sysctls");
    struct stasis_mapping *mapped =
        arena_alloc(arena, (json_object_size(sysctls) + 1) * sizeof(*mapped));
    json_object_foreach (sysctls, name, value) {
        if (strncmp(name, "net.", 4) == 0 && json_is_string(value))
            mapped[options->net_sysctls_count++] =
                (struct stasis_mapping){.key = name, .value = json_string_value(value)};
    }
    options->net_sysctls = mapped;
}

static int make_cgroup(const struct container *container, const char *cgroup, struct error *e)
{
    json_auto_t *resources = spec_resources(container);
    AUTO_FREE char *text = json_dumps(resources, JSON_COMPACT);
    return runtime_cgroup_create(cgroup, text, e);
}

static pid_t restore_processes(struct container *container, const struct runtime_stdio *stdio,
                               const struct restore_work *work, const char *cgroup, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct stasis_inherited_fd fds[3];
    struct runtime_container runtime = {.id = container->id,
                                        .bundle = container_path(container, arena, ".")};
    struct stasis_mapping cgroup_root = {.key = NULL, .value = cgroup};
    AUTO_CLOSE int log_fd = work_log_open(container, work->request->work_dir, "restore.log", e);
    if (log_fd < 0)
        return -1;
    struct log log = log_on(log_fd, LOG_INFO);
    struct stasis_options options = {
        .images_dir = work->dir,
        .root = rootfs_path(container, arena),
        .restore_as_child = true,
        .manage_cgroups = true,
        .cgroup_roots = &cgroup_root,
        .cgroup_roots_count = 1,
        .log = &log,
    };
    map_streams(work, stdio, fds, &options);
    map_sysctls(container, arena, &options);
    if (map_mounts(work, &runtime, arena, &options, e) < 0)
        return -1;
    return stasis_restore(&options, e);
}

static pid_t begin_restored(struct container *container, const struct runtime_stdio *stdio,
                            void *context, struct error *e)
{
    char cgroup[256];
    struct error ignored = {0};
    container_cgroup(container, cgroup);
    if (spec_write(container, e) < 0 || make_cgroup(container, cgroup, e) < 0)
        return -1;
    pid_t pid = restore_processes(container, stdio, context, cgroup, e);
    if (pid < 0)
        runtime_cgroup_remove(cgroup, &ignored);
    return pid;
}

/* ------------------------------------------------------------------ the request */

static bool has_own_checkpoint(const struct container *container)
{
    struct stat st;
    return *json_text(container->state, "Checkpointed") ||
           fstatat(container->dir, "checkpoints/" CHECKPOINT_DEFAULT_NAME, &st, 0) == 0;
}

static int check_state(const struct container *container, const char *ref,
                       const struct engine_checkpoint *request, struct error *e)
{
    if (container_is_running(container))
        return fail(e, EBUSY, "Cannot restore container %s: it is running", ref);
    bool named = request->name && *request->name;
    if (!request->force && !named && !has_own_checkpoint(container))
        return fail(e, EBUSY,
                    "Cannot restore container %s: it has no checkpoint of its own (--force "
                    "restores it from another one)",
                    ref);
    return 0;
}

static int check_match(const struct container *container, const json_t *about, struct error *e)
{
    const char *image = json_text(about, "Image");
    if (strcmp(image, json_text(container->config, "Image")) != 0)
        return fail(e, EINVAL,
                    "the checkpoint is of a container of image %.19s, this container is of image "
                    "%.19s",
                    image, json_text(container->config, "Image"));
    return 0;
}

/* The files become what they were at the checkpoint: the image's with the saved changes. */
static int restore_files(struct container *container, const struct restore_work *work,
                         struct error *e)
{
    if (work->request->ignore_rootfs || json_truth(work->about, "IgnoresRootfs"))
        return 0;
    if (rootfs_create(container, e) < 0)
        return -1;
    AUTO_CLOSE int tar = openat(work->dir, CHECKPOINT_ROOTFS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (tar < 0)
        return errno == ENOENT ? 0 : fail_errno(e, CHECKPOINT_ROOTFS);
    return rootfs_driver(container)->apply_changes(container, tar, e);
}

static int restore(struct container *container, const struct engine_checkpoint *request,
                   struct error *e)
{
    json_auto_t *about = NULL;
    AUTO_PLACE struct checkpoint_place place = {.parent = -1};
    if (checkpoint_place_open(&place, container, request, false, e) < 0)
        return -1;
    AUTO_CLOSE int dir = checkpoint_open(&place, &about, e);
    if (dir < 0)
        return -1;
    struct restore_work work = {.request = request, .about = about, .dir = dir};
    if (check_match(container, about, e) < 0 || restore_files(container, &work, e) < 0)
        return -1;
    struct monitor_start start = {
        .container = container, .begin = begin_restored, .context = &work, .kept = dir};
    return monitor_launch(&start, e);
}

int engine_container_restore(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *request, struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open_locked(&container, engine, ref, e) < 0 ||
        check_state(&container, ref, request, e) < 0)
        return -1;
    if (restore(&container, request, e) == 0)
        return 0;
    /* Only a start says with these codes that a command is missing. */
    return fail_in(e, "Cannot restore container %s", ref);
}
