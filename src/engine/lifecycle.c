/* Start, stop and what lies between. */
#include "engine/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/monitor.h"
#include "engine/names.h"
#include "engine/remove.h"
#include "engine/signals.h"
#include "engine/spec.h"
#include "engine/wait.h"
#include "runtime/runtime.h"

/* ------------------------------------------------------------------ start */

static pid_t begin_fresh(struct container *container, const struct runtime_stdio *stdio,
                         void *context, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    (void)context;
    /* ENOENT and EACCES are promised to mean the command: nothing before it may say so. */
    if (spec_write(container, e) < 0) {
        e->code = EINVAL;
        return -1;
    }
    struct runtime_container runtime = {
        .id = container->id,
        .bundle = container_path(container, arena, "."),
        .seccomp_cache = arena_printf(arena, "%s/cache/seccomp", container->engine->data_root),
        .stdio = *stdio};
    return runtime_start(&runtime, e);
}

int explain_command_failure(const char *command, struct error *e)
{
    if (e->code == EACCES)
        return fail(e, EINVAL, "OCI runtime create failed: exec: \"%.200s\": permission denied",
                    command);
    if (e->code == ENOENT)
        return fail(e, EINVAL,
                    strchr(command, '/')
                        ? "OCI runtime create failed: exec: \"%.200s\": no such file or directory"
                        : "OCI runtime create failed: exec: \"%.200s\": executable file not found "
                          "in $PATH",
                    command);
    return -1;
}

/* Docker's exit codes of a start that failed. */
static void note_failed_start(struct container *container, int code, const struct error *e)
{
    struct error ignored = {0};
    int exit_code = code == ENOENT ? 127 : code == EACCES ? 126 : 128;
    json_object_set_new(container->state, "ExitCode", json_integer(exit_code));
    json_object_set_new(container->state, "Error", json_string(e->text));
    container_write_state(container, &ignored);
}

int engine_container_start(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open_locked(&container, engine, ref, e) < 0)
        return -1;
    if (strcmp(container_status(&container), "paused") == 0)
        return fail(e, EBUSY, "cannot start a paused container, try unpause instead");
    if (container_is_running(&container))
        return fail(e, EALREADY, "container %s is already running", ref);
    struct monitor_start start = {.container = &container, .begin = begin_fresh, .kept = -1};
    if (monitor_launch(&start, e) == 0)
        return 0;
    int code = e->code;
    explain_command_failure(json_text(container.config, "Path"), e);
    if (json_truth(json_object_get(container.config, "HostConfig"), "AutoRemove")) {
        struct error ignored = {0};
        container_remove(&container, true, &ignored);
    } else {
        note_failed_start(&container, code, e);
    }
    return -1;
}

/* ------------------------------------------------------------------ signals */

int container_open_init(struct container *container, struct error *e)
{
    pid_t pid = (pid_t)json_number(container->state, "Pid");
    AUTO_CLOSE int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    /* The pid is the container's as long as the state says so: the monitor reaps later. */
    if (container_read_state(container, e) < 0)
        return -1;
    if (fd < 0 || !container_is_running(container) || json_number(container->state, "Pid") != pid)
        return fail(e, EBUSY, "container %s is not running", container->id);
    return take_fd(&fd);
}

static int send_signal(struct container *container, int number, struct error *e)
{
    AUTO_CLOSE int init = container_open_init(container, e);
    if (init < 0)
        return -1;
    if (pidfd_send_signal(init, number, NULL, 0) < 0 && errno != ESRCH)
        return fail_errno(e, "container %s: kill", container->id);
    return 0;
}

/* A frozen process takes no signal, not even SIGKILL on cgroup v1. */
static void thaw_to_die(struct container *container)
{
    char cgroup[256];
    struct error ignored = {0};
    if (strcmp(container_status(container), "paused") != 0)
        return;
    container_cgroup(container, cgroup);
    runtime_cgroup_freeze(cgroup, false, &ignored);
}

int engine_container_kill(struct engine *engine, const char *ref, const char *signal,
                          struct error *e)
{
    int number = signal && *signal ? signal_number(signal) : SIGKILL;
    if (!number)
        return fail(e, EINVAL, "Invalid signal: %.50s", signal);
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    if (!container_is_running(&container))
        return fail(e, EBUSY, "Cannot kill container: %s: container %s is not running", ref,
                    container.id);
    if (send_signal(&container, number, e) < 0)
        return fail_in(e, "Cannot kill container: %s", ref);
    if (number == SIGKILL)
        thaw_to_die(&container);
    if (number != SIGKILL)
        return 0;
    /* docker kill returns when the container is gone. */
    return container_await_end(&container, 10, -1, e) < 0 ? -1 : 0;
}

/* Not by inotify(7): closing one of its descriptors waits for a grace period of the kernel. The
 * init's end comes first; when its monitor has noted it, it gives up monitor.lock. */
int container_await_end(struct container *container, int seconds, int cancel_fd, struct error *e)
{
    struct error ended = {0};
    AUTO_CLOSE int init = container_open_init(container, &ended);
    if (init < 0)
        return ended.code == EBUSY || ended.code == ENOENT ? 1
                                                           : fail(e, ended.code, "%s", ended.text);
    int result = await_readable(init, seconds < 0 ? -1 : 1000 * seconds, cancel_fd, e);
    if (result <= 0)
        return result;
    int lock = lock_file_at(container->dir, "monitor.lock", LOCK_WAIT, &ended);
    if (lock >= 0)
        close(lock);
    return 1;
}

/* ------------------------------------------------------------------ stop */

static int stop_signal_of(const struct container *container, const char *given)
{
    const char *name = given && *given
                           ? given
                           : json_text(json_object_get(container->config, "Config"), "StopSignal");
    return *name ? signal_number(name) : SIGTERM;
}

static int stop_timeout_of(const struct container *container, int given)
{
    json_t *timeout = json_object_get(json_object_get(container->config, "Config"), "StopTimeout");
    if (given >= 0)
        return given;
    return json_is_integer(timeout) ? (int)json_integer_value(timeout) : 10;
}

static int stop(struct container *container, const char *signal, int timeout, struct error *e)
{
    int number = stop_signal_of(container, signal);
    if (!number)
        return fail(e, EINVAL, "Invalid signal: %.50s", signal && *signal ? signal : "StopSignal");
    if (send_signal(container, number, e) < 0) {
        if (!container_is_running(container))
            return 0;
        return -1;
    }
    thaw_to_die(container);
    int ended = container_await_end(container, stop_timeout_of(container, timeout), -1, e);
    if (ended)
        return ended < 0 ? -1 : 0;
    struct error gone = {0};
    send_signal(container, SIGKILL, &gone);
    thaw_to_die(container);
    ended = container_await_end(container, 30, -1, e);
    if (ended == 0)
        return fail(e, EIO, "container %s: did not end after SIGKILL", container->id);
    return ended < 0 ? -1 : 0;
}

int engine_container_stop(struct engine *engine, const char *ref, const char *signal, int timeout,
                          struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    if (!container_is_running(&container))
        return fail(e, EALREADY, "container %s is not running", ref);
    return stop(&container, signal, timeout, e);
}

int engine_container_restart(struct engine *engine, const char *ref, const char *signal,
                             int timeout, struct error *e)
{
    if (engine_container_stop(engine, ref, signal, timeout, e) < 0) {
        if (e->code != EALREADY)
            return -1;
        e->code = 0;
    }
    return engine_container_start(engine, ref, e);
}

/* ------------------------------------------------------------------ pause */

static int set_paused(struct container *container, bool paused, struct error *e)
{
    char cgroup[256];
    container_cgroup(container, cgroup);
    if (runtime_cgroup_freeze(cgroup, paused, e) < 0)
        return fail_in(e, "container %s", container->id);
    json_object_set_new(container->state, "Status", json_string(paused ? "paused" : "running"));
    return container_write_state(container, e);
}

int engine_container_pause(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open_locked(&container, engine, ref, e) < 0)
        return -1;
    if (!container_is_running(&container))
        return fail(e, EBUSY, "Container %s is not running", container.id);
    if (strcmp(container_status(&container), "paused") == 0)
        return fail(e, EBUSY, "Container %s is already paused", container.id);
    return set_paused(&container, true, e);
}

int engine_container_unpause(struct engine *engine, const char *ref, struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open_locked(&container, engine, ref, e) < 0)
        return -1;
    if (strcmp(container_status(&container), "paused") != 0)
        return fail(e, EBUSY, "Container %s is not paused", container.id);
    return set_paused(&container, false, e);
}

/* ------------------------------------------------------------------ rename, remove */

int engine_container_rename(struct engine *engine, const char *ref, const char *name,
                            struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (*name == '/')
        name++;
    if (!*name)
        return fail(e, EINVAL, "Neither old nor new names may be empty");
    AUTO_CONTAINER struct container container;
    if (container_open_locked(&container, engine, ref, e) < 0)
        return -1;
    const char *before = arena_strdup(arena, container_name(&container));
    if (strcmp(before, name) == 0)
        return fail(e, EINVAL, "Renaming a container with the same name as its current name");
    AUTO_CLOSE int lock = lock_file_at(engine->root, "names.lock", LOCK_WAIT, e);
    if (lock < 0 || name_claim(engine, name, container.id, e) < 0)
        return -1;
    json_object_set_new(container.config, "Name", json_string(name));
    if (json_replace_at(container.dir, "container.json", container.config, e) < 0) {
        name_release(engine, name, container.id);
        return -1;
    }
    name_release(engine, before, container.id);
    return 0;
}

static int kill_at_once(struct container *container, struct error *e)
{
    struct error gone = {0};
    send_signal(container, SIGKILL, &gone);
    thaw_to_die(container);
    int ended = container_await_end(container, 30, -1, e);
    if (ended == 0)
        return fail(e, EIO, "container %s: did not end after SIGKILL", container->id);
    return ended < 0 ? -1 : 0;
}

int engine_container_remove(struct engine *engine, const char *ref, bool force, bool volumes,
                            struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    if (container_is_running(&container)) {
        bool paused = strcmp(container_status(&container), "paused") == 0;
        if (!force)
            return fail(e, EBUSY,
                        "You cannot remove a %s container %s. %s before attempting removal or "
                        "force remove",
                        container_status(&container), container.id,
                        paused ? "Unpause and then stop the container" : "Stop the container");
        if (kill_at_once(&container, e) < 0)
            return -1;
    }
    if (container_remove(&container, volumes, e) == 0)
        return 0;
    if (e->code != ENOENT) /* its monitor was faster (--rm) */
        return -1;
    e->code = 0;
    return 0;
}

json_t *engine_container_prune(struct engine *engine, const json_t *filters, struct error *e)
{
    struct engine_list query = {.all = true, .filters = filters};
    json_auto_t *containers = engine_container_list(engine, &query, e);
    if (!containers)
        return NULL;
    json_t *removed = json_array(), *summary;
    size_t i;
    json_array_foreach (containers, i, summary) {
        struct error ignored = {0};
        const char *state = json_text(summary, "State"), *id = json_text(summary, "Id");
        if (strcmp(state, "running") != 0 && strcmp(state, "paused") != 0 &&
            engine_container_remove(engine, id, false, false, &ignored) == 0)
            json_array_append_new(removed, json_string(id));
    }
    return json_pack("{s:o, s:i}", "ContainersDeleted", removed, "SpaceReclaimed", 0);
}
