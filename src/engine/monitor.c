#include "engine/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/attach.h"
#include "engine/detach.h"
#include "engine/oom.h"
#include "engine/relay.h"
#include "engine/remove.h"
#include "engine/rootfs.h"

struct monitor {
    const struct monitor_start *start;
    struct container *container;
    struct waiting_client *waiting;
    struct relay *relay;
    int lock; /* monitor.lock */
    pid_t init;
    int init_fd;
};

/* Mounts of the host still come in and go away here, but ours do not get out. */
static int enter_own_mount_namespace(struct error *e)
{
    if (unshare(CLONE_NEWNS) < 0)
        return fail_errno(e, "mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_errno(e, "mount namespace");
    return 0;
}

/* A descriptor opened before belongs to the old namespace, whose mounts overlayfs does not take. */
static int reopen(int fd, const char *path, struct error *e)
{
    AUTO_CLOSE int again = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0 || dup3(again, fd, O_CLOEXEC) < 0)
        return fail_errno(e, "%s", path);
    return 0;
}

static int reopen_directories(struct container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    return reopen(container->engine->root, container->engine->data_root, e) < 0
               ? -1
               : reopen(container->dir, container_path(container, arena, "."), e);
}

/* Both ends of the standard streams: `given` for the container, `kept` for the monitor. */
struct stream_ends {
    struct runtime_stdio given, kept;
};

static void close_stdio(struct runtime_stdio *stdio)
{
    int *ends[] = {&stdio->in, &stdio->out, &stdio->err};
    for (int i = 0; i < 3; i++) {
        if (*ends[i] >= 0)
            close(*ends[i]);
        *ends[i] = -1;
    }
}

static int make_pipe(int *reading, int *writing, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail_errno(e, "pipe");
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

static int make_streams(const struct container *container, struct stream_ends *ends,
                        struct error *e)
{
    json_t *config = json_object_get(container->config, "Config");
    ends->given = ends->kept = (struct runtime_stdio){-1, -1, -1};
    if (make_pipe(&ends->kept.out, &ends->given.out, e) < 0 ||
        make_pipe(&ends->kept.err, &ends->given.err, e) < 0)
        return -1;
    if (json_truth(config, "OpenStdin"))
        return make_pipe(&ends->given.in, &ends->kept.in, e);
    ends->given.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends->given.in < 0 ? fail_errno(e, "/dev/null") : 0;
}

/* How an image of the container will name this stream (see restore.c). */
static json_t *stream_key(int fd)
{
    char key[40];
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return json_string("dev/null");
    snprintf(key, sizeof(key), "pipe:[%lu]", (unsigned long)st.st_ino);
    return json_string(key);
}

static int note_running(struct monitor *monitor, const struct stream_ends *ends, struct error *e)
{
    char now[TIME_TEXT_SIZE];
    struct container *container = monitor->container;
    write_time_now(now);
    json_object_set_new(container->state, "Status", json_string("running"));
    json_object_set_new(container->state, "Pid", json_integer(monitor->init));
    json_object_set_new(container->state, "Monitor", json_integer(getpid()));
    json_object_set_new(container->state, "ExitCode", json_integer(0));
    json_object_set_new(container->state, "Error", json_string(""));
    json_object_set_new(container->state, "OOMKilled", json_false());
    json_object_set_new(container->state, "StartedAt", json_string(now));
    json_object_set_new(container->state, "Streams",
                        json_pack("[o, o, o]", stream_key(ends->given.in),
                                  stream_key(ends->given.out), stream_key(ends->given.err)));
    return container_write_state(container, e);
}

static void make_relay(struct monitor *monitor, struct stream_ends *ends, int listener,
                       struct log_file *log)
{
    json_t *config = json_object_get(monitor->container->config, "Config");
    monitor->relay = relay_new(ends->kept.in, ends->kept.out, ends->kept.err, log, listener,
                               json_truth(config, "StdinOnce"));
    for (struct waiting_client *client = monitor->waiting; client; client = client->next)
        relay_add_client(monitor->relay, client->fd, client->streams);
    ends->kept = (struct runtime_stdio){-1, -1, -1};
}

static void end_init(struct monitor *monitor)
{
    kill(monitor->init, SIGKILL);
    waitpid(monitor->init, NULL, 0);
}

static int begin(struct monitor *monitor, struct stream_ends *ends, struct error *e)
{
    struct container *container = monitor->container;
    const struct monitor_start *start = monitor->start;
    AUTO_CLOSE int listener = attach_listen(container, e);
    struct log_file *log = listener < 0 ? NULL : log_file_open(container, e);
    if (!log)
        return -1;
    monitor->init = start->begin(container, &ends->given, start->context, e);
    monitor->init_fd = monitor->init < 0 ? -1 : pidfd_open(monitor->init, 0);
    if (monitor->init_fd < 0) {
        log_file_close(log);
        return monitor->init < 0 ? -1 : fail_errno(e, "pidfd");
    }
    if (note_running(monitor, ends, e) < 0) {
        log_file_close(log);
        end_init(monitor);
        return -1;
    }
    make_relay(monitor, ends, take_fd(&listener), log);
    return 0;
}

static int set_up(struct monitor *monitor, struct error *e)
{
    struct stream_ends ends;
    struct container *container = monitor->container;
    monitor->lock = lock_file_at(container->dir, "monitor.lock", LOCK_WAIT, e);
    if (monitor->lock < 0 || enter_own_mount_namespace(e) < 0 ||
        reopen_directories(container, e) < 0)
        return -1;
    int result = rootfs_mount(container, e);
    if (result == 0) {
        result = make_streams(container, &ends, e);
        if (result == 0)
            result = begin(monitor, &ends, e);
        close_stdio(&ends.given);
        close_stdio(&ends.kept);
    }
    return result;
}

/* The init stays a zombie until the end is noted, so that its pid means nobody else. */
static int await_end(struct monitor *monitor)
{
    siginfo_t info = {0};
    struct error ignored = {0};
    relay_run(monitor->relay, monitor->init_fd, &ignored);
    while (waitid(P_PIDFD, (id_t)monitor->init_fd, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static void note_end(struct monitor *monitor, int exit_code)
{
    char cgroup[256];
    struct container *container = monitor->container;
    struct error ignored = {0};
    container_cgroup(container, cgroup);
    bool out_of_memory = exit_code == 128 + SIGKILL && oom_killed(cgroup);
    runtime_cgroup_signal(cgroup, SIGKILL, &ignored); /* of a container in the host's pid space */
    runtime_cgroup_remove(cgroup, &ignored);
    unlinkat(container->dir, "attach.sock", 0);
    if (container_lock(container, &ignored) < 0)
        return;
    json_object_set_new(container->state, "OOMKilled", json_boolean(out_of_memory));
    container_write_exit(container, exit_code, "", &ignored);
    waitpid(monitor->init, NULL, 0);
    container_unlock(container);
}

static void monitor_body(void *context, int answer)
{
    struct monitor *monitor = context;
    struct container *container = monitor->container;
    struct error e = {0};
    prctl(PR_SET_NAME, "stasis-monitor");
    int result = set_up(monitor, &e);
    if (result == 0)
        e = (struct error){0};
    answer_start(answer, monitor->init, &e);
    if (result < 0)
        return;
    container_unlock(container);
    int exit_code = await_end(monitor);
    relay_close_log(monitor->relay);
    note_end(monitor, exit_code);
    close(monitor->lock);
    relay_close(monitor->relay);
    if (json_truth(json_object_get(container->config, "HostConfig"), "AutoRemove"))
        container_remove(container, true, &e);
    sweep_trash(container->engine); /* here nobody waits */
}

int monitor_launch(const struct monitor_start *start, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    VEC(int) kept = {0};
    struct container *container = start->container;
    struct monitor monitor = {.start = start, .container = container, .init = -1};
    monitor.waiting = attach_take_waiting(container->engine, container->id);
    vec_add(arena, &kept, container->engine->root);
    vec_add(arena, &kept, container->dir);
    vec_add(arena, &kept, container->lock);
    vec_add(arena, &kept, start->kept);
    for (struct waiting_client *client = monitor.waiting; client; client = client->next)
        vec_add(arena, &kept, client->fd);
    pid_t pid = detach(monitor_body, &monitor, kept.items, kept.count, e);
    attach_free(monitor.waiting);
    return pid < 0 ? -1 : 0;
}
