/* Further processes in a running container. Each has a small process of its own as parent, like
 * the container's monitor, that carries its streams and notes its exit code.
 *
 * containers/ID/execs/EXEC.json is the record; exec/EXEC links to the container's id. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/detach.h"
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "engine/monitor.h"
#include "engine/record.h"
#include "engine/relay.h"
#include "engine/spec.h"

static void record_path(const char *exec_id, char path[ENGINE_ID_SIZE + 16])
{
    snprintf(path, ENGINE_ID_SIZE + 16, "execs/%.64s.json", exec_id);
}

static int write_record(const struct container *container, const char *exec_id,
                        const json_t *record, struct error *e)
{
    char path[ENGINE_ID_SIZE + 16];
    record_path(exec_id, path);
    return json_replace_at(container->dir, path, record, e);
}

static int check_config(const json_t *config, struct error *e)
{
    if (json_truth(config, "Tty"))
        return fail(e, EINVAL, "terminals (-t) are not supported yet");
    if (!json_array_size(json_object_get(config, "Cmd")))
        return fail(e, EINVAL, "No exec command specified");
    return json_check_strings(json_object_get(config, "Cmd"), "Cmd", e) < 0 ||
                   json_check_strings(json_object_get(config, "Env"), "Env", e) < 0
               ? -1
               : 0;
}

static int check_running(const struct container *container, const char *ref, struct error *e)
{
    if (!container_is_running(container))
        return fail(e, EBUSY, "Container %s is not running", ref);
    if (strcmp(container_status(container), "paused") == 0)
        return fail(e, EBUSY, "Container %s is paused, unpause the container before exec", ref);
    return 0;
}

int engine_exec_create(struct engine *engine, const char *ref, const json_t *config,
                       char id[ENGINE_ID_SIZE], struct error *e)
{
    char link[ENGINE_ID_SIZE + 16];
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0 ||
        check_running(&container, container.id, e) < 0 || check_config(config, e) < 0)
        return -1;
    write_random_id(id);
    AUTO_CLOSE int dir = open_directory_at(container.dir, "execs", true, e);
    if (dir < 0)
        return -1;
    json_auto_t *record =
        json_pack("{s:s, s:s, s:O, s:b, s:b, s:n, s:i}", "ID", id, "ContainerID", container.id,
                  "Config", config, "Started", false, "Running", false, "ExitCode", "Pid", 0);
    if (write_record(&container, id, record, e) < 0)
        return -1;
    snprintf(link, sizeof(link), "exec/%s", id);
    return symlinkat(container.id, engine->root, link) < 0 ? fail_errno(e, "exec %s", id) : 0;
}

/* Opens the container of an exec session and reads its record. */
static json_t *open_record(struct container *container, struct engine *engine, const char *exec_id,
                           bool locked, struct error *e)
{
    char link[ENGINE_ID_SIZE + 16], path[ENGINE_ID_SIZE + 16], id[ENGINE_ID_SIZE] = "";
    container->dir = container->lock = -1;
    snprintf(link, sizeof(link), "exec/%.64s", exec_id);
    if (!is_full_id(exec_id) ||
        readlinkat(engine->root, link, id, sizeof(id) - 1) != ENGINE_ID_SIZE - 1 ||
        !is_full_id(id)) {
        fail(e, ENOENT, "No such exec instance: %.64s", exec_id);
        return NULL;
    }
    if ((locked ? container_open_locked : container_open)(container, engine, id, e) < 0)
        return NULL;
    record_path(exec_id, path);
    return json_read_at(container->dir, path, e);
}

struct exec_start {
    struct container *container;
    const char *id;
    json_t *record;
    char *process; /* the OCI process object */
    int client;    /* socket, or -1 */
};

static int streams_of(const json_t *config)
{
    return (json_truth(config, "AttachStdin") ? CLIENT_IN : 0) |
           (json_truth(config, "AttachStdout") ? CLIENT_OUT : 0) |
           (json_truth(config, "AttachStderr") ? CLIENT_ERR : 0);
}

/* A pipe where the client wants the stream, else /dev/null. `kept` is this process's end. */
static int make_stream(bool wanted, bool input, int *given, int *kept, struct error *e)
{
    int ends[2];
    *kept = -1;
    if (!wanted) {
        *given = open("/dev/null", O_RDWR | O_CLOEXEC);
        return *given < 0 ? fail_errno(e, "/dev/null") : 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail_errno(e, "pipe");
    *given = input ? ends[0] : ends[1];
    *kept = input ? ends[1] : ends[0];
    return 0;
}

static pid_t begin(const struct exec_start *start, struct relay **relay, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct container *container = start->container;
    int streams = start->client < 0 ? 0 : streams_of(json_object_get(start->record, "Config"));
    struct runtime_stdio given, kept;
    if (make_stream(streams & CLIENT_IN, true, &given.in, &kept.in, e) < 0 ||
        make_stream(streams & CLIENT_OUT, false, &given.out, &kept.out, e) < 0 ||
        make_stream(streams & CLIENT_ERR, false, &given.err, &kept.err, e) < 0)
        return -1;
    struct runtime_container runtime = {
        .id = container->id,
        .bundle = container_path(container, arena, "."),
        .seccomp_cache = arena_printf(arena, "%s/cache/seccomp", container->engine->data_root),
        .stdio = given};
    pid_t init = (pid_t)json_number(container->state, "Pid");
    pid_t pid = runtime_exec(&runtime, init, start->process, e);
    close(given.in);
    close(given.out);
    close(given.err);
    *relay = relay_new(kept.in, kept.out, kept.err, NULL, -1, true);
    if (start->client >= 0)
        relay_add_client(*relay, start->client, streams ? streams : CLIENT_OUT);
    return pid;
}

static void note(const struct exec_start *start, bool running, pid_t pid, json_t *exit_code)
{
    struct error ignored = {0};
    json_object_set_new(start->record, "Started", json_true());
    json_object_set_new(start->record, "Running", json_boolean(running));
    json_object_set_new(start->record, "Pid", json_integer(pid));
    json_object_set_new(start->record, "ExitCode", exit_code);
    write_record(start->container, start->id, start->record, &ignored);
}

static void exec_body(void *context, int answer)
{
    const struct exec_start *start = context;
    struct error e = {0}, ignored = {0};
    struct relay *relay = NULL;
    siginfo_t info = {0};
    prctl(PR_SET_NAME, "stasis-exec");
    pid_t pid = begin(start, &relay, &e);
    if (pid < 0)
        note(start, false, 0, json_integer(e.code == ENOENT ? 127 : 126));
    else
        note(start, true, pid, json_null());
    int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
    if (pid >= 0)
        e = (struct error){0};
    answer_start(answer, pid, &e);
    container_unlock(start->container);
    if (pid < 0)
        return;
    relay_run(relay, pidfd, &ignored);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    note(start, false, 0,
         json_integer(info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status));
    relay_close(relay);
}

static char *process_json(const struct container *container, const json_t *config, struct error *e)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/%d/root", (int)json_number(container->state, "Pid"));
    AUTO_CLOSE int rootfs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rootfs < 0) {
        fail_errno(e, "container %s: root", container->id);
        return NULL;
    }
    json_auto_t *process = spec_exec_process(container, config, rootfs, e);
    return process ? json_dumps(process, JSON_COMPACT) : NULL;
}

static int launch(struct exec_start *start, struct error *e)
{
    struct container *container = start->container;
    json_t *config = json_object_get(start->record, "Config");
    AUTO_FREE char *process = process_json(container, config, e);
    if (!process)
        return -1;
    start->process = process;
    int kept[] = {container->engine->root, container->dir, container->lock, start->client};
    if (detach(exec_body, start, kept, 4, e) >= 0)
        return 0;
    const char *command = json_string_value(json_array_get(json_object_get(config, "Cmd"), 0));
    return explain_command_failure(command ? command : "", e);
}

int engine_exec_start(struct engine *engine, const char *exec_id, int *stream, struct error *e)
{
    AUTO_CONTAINER struct container container = {.dir = -1, .lock = -1};
    int ends[2] = {-1, -1};
    json_auto_t *record = open_record(&container, engine, exec_id, true, e);
    if (!record || check_running(&container, container.id, e) < 0)
        return -1;
    if (json_truth(record, "Started"))
        return fail(e, EBUSY, "exec command %s has already run", exec_id);
    if (stream && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_errno(e, "exec %s", exec_id);
    struct exec_start start = {
        .container = &container, .id = exec_id, .record = record, .client = ends[1]};
    int result = launch(&start, e);
    if (ends[1] >= 0)
        close(ends[1]);
    if (result < 0 && ends[0] >= 0)
        close(ends[0]);
    else if (stream)
        *stream = ends[0];
    return result;
}

json_t *engine_exec_inspect(struct engine *engine, const char *exec_id, struct error *e)
{
    AUTO_CONTAINER struct container container = {.dir = -1, .lock = -1};
    json_auto_t *record = open_record(&container, engine, exec_id, false, e);
    if (!record)
        return NULL;
    json_t *config = json_object_get(record, "Config");
    bool running = json_truth(record, "Running") && container_is_running(&container);
    json_t *exit_code = json_incref(json_object_get(record, "ExitCode"));
    if (json_truth(record, "Running") && !running) {
        json_decref(exit_code);
        exit_code = json_integer(137);
    }
    json_auto_t *arguments = json_deep_copy(json_object_get(config, "Cmd"));
    json_auto_t *entrypoint = json_incref(json_array_get(arguments, 0));
    json_array_remove(arguments, 0);
    return json_pack(
        "{s:s, s:s, s:b, s:o, s:I, s:b, s:b, s:b, s:b, s:s, s:{s:b, s:O, s:O, s:b, s:s}}", "ID",
        exec_id, "ContainerID", container.id, "Running", running, "ExitCode", exit_code, "Pid",
        json_number(record, "Pid"), "OpenStdin", json_truth(config, "AttachStdin"), "OpenStdout",
        json_truth(config, "AttachStdout"), "OpenStderr", json_truth(config, "AttachStderr"),
        "CanRemove", false, "DetachKeys", "", "ProcessConfig", "tty", false, "entrypoint",
        entrypoint, "arguments", arguments, "privileged", json_truth(config, "Privileged"), "user",
        json_text(config, "User"));
}
