/* Checkpoints of containers: made in a process of its own, so that nothing is lost or left half
 * done when the client or the daemon is killed meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/checkpoint_files.h"
#include "engine/checkpoint_place.h"
#include "engine/detach.h"
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "engine/rootfs.h"
#include "engine/work_log.h"
#include "runtime/runtime.h"
#include "stasis.h"

struct checkpoint_work {
    struct container *container;
    const struct engine_checkpoint *request;
    const struct checkpoint_place *place;
    int dir;           /* where the files gather */
    char replaced[80]; /* an older checkpoint, to be removed */
    int lock;          /* checkpoint.lock */
};

/* ------------------------------------------------------------------ the dump */

/* The container's root file system is mounted in its monitor's mount namespace alone. */
static int enter_monitors_namespace(const struct container *container, struct error *e)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)json_number(container->state, "Monitor"));
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
        return fail_errno(e, "mount namespace of the monitor");
    return 0;
}

/* Every mount from outside is noted under its mount point's path: see restore.c. */
static int list_external_mounts(const struct container *container, struct arena *arena,
                                struct stasis_options *options, struct error *e)
{
    struct runtime_mounts mounts;
    struct runtime_container runtime = {.id = container->id,
                                        .bundle = container_path(container, arena, ".")};
    if (runtime_external_mounts(&runtime, arena, &mounts, e) < 0)
        return -1;
    struct stasis_mapping *noted = arena_alloc(arena, (mounts.count + 1) * sizeof(*noted));
    for (size_t i = 0; i < mounts.count; i++) {
        const char *point = mounts.items[i].destination;
        noted[i] = (struct stasis_mapping){.key = point, .value = point};
    }
    options->external_mounts = noted;
    options->external_mounts_count = mounts.count;
    return 0;
}

static int save_changed_files(void *context, struct error *e)
{
    const struct checkpoint_work *work = context;
    const struct storage_driver *driver = rootfs_driver(work->container);
    if (checkpoint_reserve(work->dir, e) < 0)
        return -1;
    if (work->request->ignore_rootfs)
        return 0;
    return driver->save_changes(work->container, work->dir, CHECKPOINT_ROOTFS, e);
}

static json_t *describe(const struct checkpoint_work *work, const struct stasis_options *options)
{
    char now[TIME_TEXT_SIZE];
    const struct container *container = work->container;
    json_t *mounts = json_array();
    write_time_now(now);
    for (size_t i = 0; i < options->external_mounts_count; i++)
        json_array_append_new(mounts, json_string(options->external_mounts[i].value));
    return json_pack("{s:i, s:s, s:s, s:s, s:O, s:s, s:O, s:o, s:b, s:O, s:O}", "Version", 1,
                     "ContainerID", container->id, "ContainerName", container_name(container),
                     "Image", json_text(container->config, "Image"), "Config",
                     json_object_get(container->config, "Config"), "CreatedAt", now, "Streams",
                     json_object_get(container->state, "Streams"), "ExternalMounts", mounts,
                     "IgnoresRootfs", work->request->ignore_rootfs, "Path",
                     json_object_get(container->config, "Path"), "Args",
                     json_object_get(container->config, "Args"));
}

static int dump(struct checkpoint_work *work, struct arena *arena, struct stasis_options *options,
                struct error *e)
{
    struct container *container = work->container;
    AUTO_CLOSE int log_fd = work_log_open(container, work->request->work_dir, "dump.log", e);
    if (log_fd < 0)
        return -1;
    struct log log = log_on(log_fd, LOG_INFO);
    *options = (struct stasis_options){
        .pid = (pid_t)json_number(container->state, "Pid"),
        .images_dir = work->dir,
        .leave_running = work->request->leave_running,
        .manage_cgroups = true,
        .log = &log,
        .while_frozen = save_changed_files,
        .while_frozen_context = work,
    };
    if (list_external_mounts(container, arena, options, e) < 0)
        return -1;
    int result = stasis_dump(options, e);
    options->log = NULL;
    return result;
}

static void note_checkpointed(struct checkpoint_work *work)
{
    struct error ignored = {0};
    json_object_set_new(work->container->state, "Checkpointed", json_string(work->place->path));
    container_write_state(work->container, &ignored);
}

static int make_checkpoint(struct checkpoint_work *work, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct stasis_options options;
    work->dir = checkpoint_begin(work->place, work->container, e);
    if (work->dir < 0)
        return -1;
    int result = enter_monitors_namespace(work->container, e);
    if (result == 0)
        result = dump(work, arena, &options, e);
    if (result == 0) {
        json_auto_t *about = describe(work, &options);
        result =
            checkpoint_publish(work->place, work->container, work->dir, about, work->replaced, e);
    }
    if (result < 0)
        checkpoint_abandon(work->place, work->container);
    else
        note_checkpointed(work);
    return result;
}

static void checkpoint_body(void *context, int answer)
{
    struct checkpoint_work *work = context;
    struct error e = {0};
    prctl(PR_SET_NAME, "stasis-dump");
    if (make_checkpoint(work, &e) == 0)
        e = (struct error){0};
    container_unlock(work->container);
    /* The next checkpoint need not wait for what is left to remove. */
    close(work->lock);
    answer_start(answer, getpid(), &e);
    if (*work->replaced)
        remove_tree_at(work->container->engine->root, work->replaced, &e);
}

/* ------------------------------------------------------------------ the request */

static int check_state(const struct container *container, const char *ref, struct error *e)
{
    if (!container_is_running(container))
        return fail(e, EBUSY, "Container %s is not running", ref);
    if (strcmp(container_status(container), "paused") == 0)
        return fail(e, EBUSY, "Container %s is paused: unpause it before a checkpoint", ref);
    return 0;
}

static int launch(struct checkpoint_work *work, struct error *e)
{
    struct container *container = work->container;
    int kept[] = {container->engine->root, container->dir, container->lock, work->lock,
                  work->place->parent};
    if (detach(checkpoint_body, work, kept, sizeof(kept) / sizeof(*kept), e) < 0)
        return -1;
    container_unlock(container);
    if (work->request->leave_running)
        return 0;
    int ended = container_await_end(container, 30, -1, e);
    if (ended == 0)
        return fail(e, EIO, "container %s: did not end after its checkpoint", container->id);
    return ended < 0 ? -1 : 0;
}

int engine_checkpoint_create(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *request, struct error *e)
{
    AUTO_PLACE struct checkpoint_place place = {.parent = -1};
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0 || check_state(&container, ref, e) < 0)
        return -1;
    AUTO_CLOSE int lock = lock_file_at(container.dir, "checkpoint.lock", LOCK_TRY, e);
    if (lock < 0)
        return e->code == EBUSY
                   ? fail(e, EBUSY, "a checkpoint of container %s is being made already", ref)
                   : -1;
    if (container_lock(&container, e) < 0 || check_state(&container, ref, e) < 0 ||
        checkpoint_place_open(&place, &container, request, true, e) < 0 ||
        checkpoint_place_check_free(&place, &container, e) < 0)
        return -1;
    struct checkpoint_work work = {
        .container = &container, .request = request, .place = &place, .lock = lock, .dir = -1};
    return launch(&work, e) < 0 ? fail_in(e, "Cannot checkpoint container %s", ref) : 0;
}

/* ------------------------------------------------------------------ list, remove */

static int newest_last(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *list_directory(int dir)
{
    AUTO_ARENA struct arena *arena = arena_new();
    VEC(char *) names = {0};
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        struct stat st;
        char *path = arena_printf(arena, "%s/" CHECKPOINT_ABOUT, entry->d_name);
        if (entry->d_name[0] != '.' && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
            vec_add(arena, &names, arena_strdup(arena, entry->d_name));
    }
    if (names.count)
        qsort(names.items, names.count, sizeof(*names.items), newest_last);
    json_t *found = json_array();
    for (size_t i = 0; i < names.count; i++)
        json_array_append_new(found, json_pack("{s:s}", "Name", names.items[i]));
    return found;
}

json_t *engine_checkpoint_list(struct engine *engine, const char *ref, const char *directory,
                               struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return NULL;
    struct engine_checkpoint any = {.directory = directory};
    AUTO_PLACE struct checkpoint_place place = {.parent = -1};
    if (checkpoint_place_open(&place, &container, &any, false, e) == 0)
        return list_directory(place.parent);
    if (e->code != ENOENT)
        return NULL;
    e->code = 0;
    return json_array();
}

int engine_checkpoint_remove(struct engine *engine, const char *ref, const char *name,
                             const char *directory, struct error *e)
{
    char path[300];
    struct stat st;
    AUTO_CONTAINER struct container container;
    AUTO_PLACE struct checkpoint_place place = {.parent = -1};
    struct engine_checkpoint named = {.name = name, .directory = directory};
    if (!name || !*name)
        return fail(e, EINVAL, "Invalid checkpoint ID: it must not be empty");
    if (container_open_locked(&container, engine, ref, e) < 0 ||
        checkpoint_place_open(&place, &container, &named, false, e) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/" CHECKPOINT_ABOUT, place.name);
    if (fstatat(place.parent, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(e, ENOENT, "checkpoint %s does not exist for container %s", place.path, ref);
    return remove_tree_at(place.parent, place.name, e);
}
