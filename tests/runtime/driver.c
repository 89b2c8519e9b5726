/* Calls the runtime's functions from a command line, for tests/runtime/test-*.py.
 *
 *   driver defaults                       a config.json without root and process.args
 *   driver run BUNDLE CACHE PIDFILE       start, write the pid, wait; its exit code
 *   driver exec BUNDLE CACHE PID PROCESS  execute PROCESS (JSON) in it, wait; its exit code
 *   driver time BUNDLE CACHE ROUNDS       microseconds of runtime_start, one a line
 *   driver external BUNDLE                destinations and sources of external mounts
 *   driver points BUNDLE                  make the mount points
 *   driver cgroup create|update|freeze|thaw|kill|remove|add|pids PATH [JSON or PID]
 *
 * A failed call prints `CODE TEXT` to standard error; the exit status is 200. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "runtime/defaults.h"
#include "runtime/runtime.h"

static int complain(const struct error *e)
{
    fprintf(stderr, "%d %s\n", e->code, e->text);
    return 200;
}

static int number_of(const char *text)
{
    int number = -1;
    (void)parse_int(text, &number);
    return number;
}

static struct runtime_container container_of(const char *bundle, const char *cache)
{
    return (struct runtime_container){
        .id = "test", .bundle = bundle, .seccomp_cache = cache, .stdio = {0, 1, 2}};
}

static json_t *namespaces(void)
{
    return json_pack("[{s:s},{s:s},{s:s},{s:s},{s:s}]", "type", "pid", "type", "mount", "type",
                     "uts", "type", "ipc", "type", "network");
}

static json_t *capability_sets(void)
{
    json_t *sets = json_object();
    static const char *const names[] = {"bounding", "effective", "permitted"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        json_object_set_new(sets, names[i], runtime_default_capabilities());
    return sets;
}

static int print_defaults(void)
{
    json_t *capabilities = runtime_default_capabilities();
    json_t *config = json_pack(
        "{s:s, s:{s:s, s:[s], s:{s:i, s:i}, s:o}, s:s, s:o, s:{s:o, s:o, s:o, s:o, s:{s:o}}}",
        "ociVersion", "1.0.2", "process", "cwd", "/", "env", "PATH=/bin", "user", "uid", 0, "gid",
        0, "capabilities", capability_sets(), "hostname", "box", "mounts",
        runtime_default_mounts(false), "linux", "namespaces", namespaces(), "seccomp",
        runtime_default_seccomp(capabilities), "maskedPaths", runtime_default_masked_paths(),
        "readonlyPaths", runtime_default_readonly_paths(), "resources", "devices",
        runtime_default_device_rules(false));
    int dumped = json_dumpf(config, stdout, JSON_INDENT(1));
    json_decref(config);
    json_decref(capabilities);
    return dumped < 0;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *bundle, const char *cache, const char *pid_file)
{
    struct error e = {0};
    const struct runtime_container container = container_of(bundle, cache);
    pid_t pid = runtime_start(&container, &e);
    if (pid < 0)
        return complain(&e);
    FILE *file = fopen(pid_file, "we");
    if (file) {
        fprintf(file, "%d\n", pid);
        fclose(file);
    }
    return wait_for(pid);
}

static int execute(const char *bundle, const char *cache, const char *pid, const char *process)
{
    struct error e = {0};
    const struct runtime_container container = container_of(bundle, cache);
    pid_t child = runtime_exec(&container, number_of(pid), process, &e);
    return child < 0 ? complain(&e) : wait_for(child);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int measure(const char *bundle, const char *cache, int rounds)
{
    const struct runtime_container container = container_of(bundle, cache);
    for (int i = 0; i < rounds; i++) {
        struct error e = {0};
        double start = now_us();
        pid_t pid = runtime_start(&container, &e);
        if (pid < 0)
            return complain(&e);
        printf("%.0f\n", now_us() - start);
        kill(pid, SIGKILL);
        wait_for(pid);
        /* The kernel takes a network namespace down later; that is not this one's time. */
        usleep(100000);
    }
    return 0;
}

static int print_external(const char *bundle)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    struct runtime_mounts mounts;
    const struct runtime_container container = container_of(bundle, NULL);
    if (runtime_external_mounts(&container, arena, &mounts, &e) < 0)
        return complain(&e);
    for (size_t i = 0; i < mounts.count; i++)
        printf("%s %s\n", mounts.items[i].destination, mounts.items[i].source);
    return 0;
}

static int make_points(const char *bundle)
{
    struct error e = {0};
    const struct runtime_container container = container_of(bundle, NULL);
    return runtime_make_mount_points(&container, &e) < 0 ? complain(&e) : 0;
}

static int print_pids(const char *path, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    pid_t *pids = NULL;
    size_t count = 0;
    if (runtime_cgroup_pids(path, arena, &pids, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        printf("%d\n", pids[i]);
    return 0;
}

static int cgroup(const char *verb, const char *path, const char *more)
{
    struct error e = {0};
    int done = -1;
    if (!strcmp(verb, "create"))
        done = runtime_cgroup_create(path, more, &e);
    else if (!strcmp(verb, "update"))
        done = runtime_cgroup_update(path, more, &e);
    else if (!strcmp(verb, "freeze") || !strcmp(verb, "thaw"))
        done = runtime_cgroup_freeze(path, *verb == 'f', &e);
    else if (!strcmp(verb, "kill"))
        done = runtime_cgroup_signal(path, SIGKILL, &e);
    else if (!strcmp(verb, "remove"))
        done = runtime_cgroup_remove(path, &e);
    else if (!strcmp(verb, "add") && more)
        done = runtime_cgroup_add(path, number_of(more), &e);
    else if (!strcmp(verb, "pids"))
        done = print_pids(path, &e);
    return done < 0 ? complain(&e) : 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (!strcmp(verb, "defaults"))
        return print_defaults();
    if (!strcmp(verb, "run") && argc == 5)
        return run(argv[2], argv[3], argv[4]);
    if (!strcmp(verb, "exec") && argc == 6)
        return execute(argv[2], argv[3], argv[4], argv[5]);
    if (!strcmp(verb, "time") && argc == 5)
        return measure(argv[2], argv[3], number_of(argv[4]));
    if (!strcmp(verb, "external") && argc == 3)
        return print_external(argv[2]);
    if (!strcmp(verb, "points") && argc == 3)
        return make_points(argv[2]);
    if (!strcmp(verb, "cgroup") && argc >= 4)
        return cgroup(argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: see driver.c\n");
    return 2;
}
