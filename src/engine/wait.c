/* Waiting for the end of a run: the exit file tells how many runs ended and how the last one did;
 * inotify(7) on the container's directory tells when to look again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "engine/record.h"
#include "engine/wait.h"

struct engine_wait {
    struct engine *engine;
    char id[ENGINE_ID_SIZE];
    enum { UNTIL_STOPPED, UNTIL_NEXT_EXIT, UNTIL_REMOVED } until;
    long long ended; /* runs that had ended at the beginning */
    int exit_file;
    int changes;        /* inotify, or -1 */
    bool monitor_ended; /* of the run that is waited for */
};

static int parse_condition(struct engine_wait *wait, const char *condition, struct error *e)
{
    if (!condition || !*condition || strcmp(condition, "not-running") == 0)
        wait->until = UNTIL_STOPPED;
    else if (strcmp(condition, "next-exit") == 0)
        wait->until = UNTIL_NEXT_EXIT;
    else if (strcmp(condition, "removed") == 0)
        wait->until = UNTIL_REMOVED;
    else
        return fail(e, EINVAL, "invalid condition: \"%.50s\"", condition);
    return 0;
}

static void free_wait(struct engine_wait *wait)
{
    if (wait->exit_file >= 0)
        close(wait->exit_file);
    if (wait->changes >= 0)
        close(wait->changes);
    free(wait);
}

int watch_container(const struct container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return fail_errno(e, "inotify");
    if (inotify_add_watch(fd, container_path(container, arena, ""),
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF |
                              IN_ONLYDIR) < 0)
        return fail_errno(e, "inotify: container %s", container->id);
    return take_fd(&fd);
}

static int begin(struct engine_wait *wait, const struct container *container, struct error *e)
{
    int code;
    wait->engine = container->engine;
    memcpy(wait->id, container->id, sizeof(wait->id));
    wait->exit_file = openat(container->dir, "exit", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (wait->exit_file < 0)
        return fail_errno(e, "container %s: exit", container->id);
    read_exit_file(wait->exit_file, &wait->ended, &code);
    return 0;
}

struct engine_wait *engine_wait_begin(struct engine *engine, const char *ref, const char *condition,
                                      struct error *e)
{
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return NULL;
    struct engine_wait *wait = calloc(1, sizeof(*wait));
    if (!wait) {
        fail_errno(e, "wait");
        return NULL;
    }
    wait->exit_file = wait->changes = -1;
    if (parse_condition(wait, condition, e) == 0 && begin(wait, &container, e) == 0)
        return wait;
    free_wait(wait);
    return NULL;
}

/* Has it come? A container that is gone has also stopped. */
static bool is_fulfilled(struct engine_wait *wait)
{
    long long ended;
    int code;
    struct error problem = {0};
    AUTO_CONTAINER struct container container;
    if (container_open(&container, wait->engine, wait->id, &problem) < 0)
        return problem.code == ENOENT || wait->until != UNTIL_REMOVED;
    read_exit_file(wait->exit_file, &ended, &code);
    switch (wait->until) {
    case UNTIL_NEXT_EXIT:
        return ended > wait->ended;
    case UNTIL_REMOVED:
        return false;
    default:
        return !container_is_running(&container);
    }
}

int await_readable(int fd, int milliseconds, int cancel_fd, struct error *e)
{
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN},
                               {.fd = cancel_fd, .events = POLLIN | POLLRDHUP}};
    int ready;
    while ((ready = poll(polled, 2, milliseconds)) < 0) {
        if (errno != EINTR)
            return fail_errno(e, "poll");
    }
    if (polled[1].revents)
        return fail(e, ECANCELED, "cancelled");
    return ready > 0;
}

int await_change(int changes, int cancel_fd, struct error *e)
{
    char events[4096];
    if (await_readable(changes, -1, cancel_fd, e) < 0)
        return -1;
    while (read(changes, events, sizeof(events)) > 0)
        ;
    return 0;
}

/* A running container by its init and its monitor, which removes it if it is to be removed; what
 * has no processes by changes of its directory. */
static int await_progress(struct engine_wait *wait, struct error *e, int cancel_fd)
{
    struct error gone = {0};
    AUTO_CONTAINER struct container container;
    if (container_open(&container, wait->engine, wait->id, &gone) < 0)
        return 0;
    if (container_is_running(&container))
        return container_await_end(&container, -1, cancel_fd, e) < 0 ? -1 : 0;
    if (wait->until == UNTIL_REMOVED && !wait->monitor_ended) {
        wait->monitor_ended = true;
        AUTO_CLOSE int monitor = pidfd_open((pid_t)json_number(container.state, "Monitor"), 0);
        return monitor < 0 ? 0 : await_readable(monitor, -1, cancel_fd, e) < 0 ? -1 : 0;
    }
    if (wait->changes < 0) {
        wait->changes = watch_container(&container, &gone);
        if (wait->changes < 0 && gone.code != ENOENT)
            return fail(e, gone.code, "%s", gone.text);
        return 0;
    }
    int result = await_change(wait->changes, cancel_fd, e);
    close(wait->changes);
    wait->changes = -1;
    return result;
}

int engine_wait_finish(struct engine_wait *wait, int cancel_fd, int *exit_code, struct error *e)
{
    long long ended;
    int result = 0;
    while (result == 0 && !is_fulfilled(wait))
        result = await_progress(wait, e, cancel_fd);
    read_exit_file(wait->exit_file, &ended, exit_code);
    free_wait(wait);
    return result;
}
