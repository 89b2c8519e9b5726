#include "engine/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/names.h"
#include "engine/rootfs.h"
#include "runtime/runtime.h"

static int find_by_prefix(const struct engine *engine, const char *prefix, char id[ENGINE_ID_SIZE],
                          struct error *e)
{
    AUTO_CLOSE int fd = open_directory_at(engine->root, "containers", false, e);
    if (fd < 0)
        return -1;
    AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
    if (!dir)
        return fail_errno(e, "containers");
    fd = -1;
    int found = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || !is_full_id(entry->d_name))
            continue;
        if (found++)
            return fail(e, EINVAL, "Multiple IDs found with provided prefix: %s", prefix);
        memcpy(id, entry->d_name, ENGINE_ID_SIZE);
    }
    return found ? 0 : fail(e, ENOENT, "No such container: %s", prefix);
}

int engine_container_resolve(struct engine *engine, const char *ref, char id[ENGINE_ID_SIZE],
                             struct error *e)
{
    const char *name = *ref == '/' ? ref + 1 : ref;
    if (is_full_id(name)) {
        memcpy(id, name, ENGINE_ID_SIZE);
        return 0;
    }
    if (name_lookup(engine, name, id))
        return 0;
    if (!is_hexadecimal(ref) || strlen(ref) >= ENGINE_ID_SIZE)
        return fail(e, ENOENT, "No such container: %s", ref);
    return find_by_prefix(engine, ref, id, e);
}

static int open_record(struct container *container, struct engine *engine, const char *ref,
                       struct error *e)
{
    char path[ENGINE_ID_SIZE + 16];
    memset(container, 0, sizeof(*container));
    container->engine = engine;
    container->dir = container->lock = -1;
    if (engine_container_resolve(engine, ref, container->id, e) < 0)
        return -1;
    snprintf(path, sizeof(path), "containers/%s", container->id);
    container->dir = openat(engine->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (container->dir < 0)
        return errno == ENOENT ? fail(e, ENOENT, "No such container: %s", ref)
                               : fail_errno(e, "container %s", ref);
    container->config = json_read_at(container->dir, "container.json", e);
    if (!container->config)
        return e->code == ENOENT ? fail(e, ENOENT, "No such container: %s", ref)
                                 : fail_in(e, "container %s", ref);
    return 0;
}

/* The monitor is the only one who ends a run. Where it is gone but the state says running, it was
 * killed: nobody collects output or exit code any more, so the rest is ended too. */
static int bury_the_lost(struct container *container, struct error *e)
{
    char cgroup[256];
    struct error ignored = {0};
    bool had_lock = container->lock >= 0;
    if (!had_lock && container_lock(container, e) < 0)
        return -1;
    int result = 0;
    if (container_is_running(container) && !lock_is_held_at(container->dir, "monitor.lock")) {
        container_cgroup(container, cgroup);
        runtime_cgroup_signal(cgroup, SIGKILL, &ignored);
        runtime_cgroup_freeze(cgroup, false, &ignored);
        runtime_cgroup_remove(cgroup, &ignored);
        result = container_write_exit(container, 255, "monitor process was killed", e);
    }
    if (!had_lock)
        container_unlock(container);
    return result;
}

int container_open(struct container *container, struct engine *engine, const char *ref,
                   struct error *e)
{
    if (open_record(container, engine, ref, e) < 0 || container_read_state(container, e) < 0)
        return -1;
    if (container_is_running(container) && !lock_is_held_at(container->dir, "monitor.lock"))
        return bury_the_lost(container, e);
    return 0;
}

int container_open_locked(struct container *container, struct engine *engine, const char *ref,
                          struct error *e)
{
    if (open_record(container, engine, ref, e) < 0 || container_lock(container, e) < 0)
        return -1;
    if (container_is_running(container) && !lock_is_held_at(container->dir, "monitor.lock"))
        return bury_the_lost(container, e);
    return 0;
}

void container_close(struct container *container)
{
    container_unlock(container);
    if (container->dir >= 0)
        close(container->dir);
    json_decref(container->config);
    json_decref(container->state);
    memset(container, 0, sizeof(*container));
    container->dir = container->lock = -1;
}

int container_lock(struct container *container, struct error *e)
{
    container->lock = lock_file_at(container->dir, "lock", LOCK_WAIT, e);
    if (container->lock < 0)
        return fail_in(e, "container %s", container->id);
    if (container_read_state(container, e) < 0) {
        container_unlock(container);
        return -1;
    }
    return 0;
}

void container_unlock(struct container *container)
{
    if (container->lock >= 0)
        close(container->lock);
    container->lock = -1;
}

int container_read_state(struct container *container, struct error *e)
{
    json_t *state = json_read_at(container->dir, "state.json", e);
    if (!state)
        return e->code == ENOENT ? fail(e, ENOENT, "No such container: %s", container->id)
                                 : fail_in(e, "container %s", container->id);
    json_decref(container->state);
    container->state = state;
    return 0;
}

int container_write_state(struct container *container, struct error *e)
{
    if (json_replace_at(container->dir, "state.json", container->state, e) < 0)
        return fail_in(e, "container %s", container->id);
    return 0;
}

#define EXIT_FILE_FORMAT "%018lld %04d\n"
#define EXIT_FILE_SIZE 24

void read_exit_file(int fd, long long *ended, int *code)
{
    char text[EXIT_FILE_SIZE + 1] = "";
    *ended = 0;
    *code = 0;
    if (fd >= 0 && pread(fd, text, EXIT_FILE_SIZE, 0) == EXIT_FILE_SIZE)
        sscanf(text, "%lld %d", ended, code);
}

int container_write_exit(struct container *container, int exit_code, const char *error,
                         struct error *e)
{
    char now[TIME_TEXT_SIZE], text[EXIT_FILE_SIZE + 2];
    long long ended;
    int ignored;
    AUTO_CLOSE int fd = openat(container->dir, "exit", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "container %s: exit", container->id);
    read_exit_file(fd, &ended, &ignored);
    snprintf(text, sizeof(text), EXIT_FILE_FORMAT, ended + 1, exit_code);
    if (pwrite(fd, text, EXIT_FILE_SIZE, 0) != EXIT_FILE_SIZE)
        return fail_errno(e, "container %s: exit", container->id);
    write_time_now(now);
    json_object_set_new(container->state, "Status", json_string("exited"));
    json_object_set_new(container->state, "Pid", json_integer(0));
    json_object_set_new(container->state, "ExitCode", json_integer(exit_code));
    json_object_set_new(container->state, "Error", json_string(error));
    json_object_set_new(container->state, "FinishedAt", json_string(now));
    return container_write_state(container, e);
}

const char *container_status(const struct container *container)
{
    return json_text(container->state, "Status");
}

bool container_is_running(const struct container *container)
{
    const char *status = container_status(container);
    return strcmp(status, "running") == 0 || strcmp(status, "paused") == 0;
}

const char *container_name(const struct container *container)
{
    return json_text(container->config, "Name");
}

void container_cgroup(const struct container *container, char path[256])
{
    const char *parent =
        json_text(json_object_get(container->config, "HostConfig"), "CgroupParent");
    if (*parent)
        snprintf(path, 256, "/%.180s/%s", parent + (*parent == '/'), container->id);
    else
        snprintf(path, 256, "/stasis-%s", container->id);
}

char *container_path(const struct container *container, struct arena *arena, const char *file)
{
    return arena_printf(arena, "%s/containers/%s/%s", container->engine->data_root, container->id,
                        file);
}
