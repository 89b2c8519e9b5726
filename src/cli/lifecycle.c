/* Commands that change what a container does, one request a container. */
#include <errno.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/containers.h"

struct stop_options {
    const char *signal;
    struct number timeout;
};

static const struct option stop_options[] = {
    OPTION(struct stop_options, signal, 's', "signal", "string", "Signal to send to the container"),
    OPTION(struct stop_options, timeout, 0, "time", "int", NULL),
    OPTION(struct stop_options, timeout, 't', "timeout", "int",
           "Seconds to wait before killing the container"),
    OPTIONS_END};

static int stop_or_restart(struct cli *cli, const struct stop_options *options, char *path,
                           struct error *e)
{
    path = with_query(cli, path, "signal", options->signal);
    if (options->timeout.given)
        path = with_query(cli, path, "t",
                          arena_printf(cli->arena, "%lld", (long long)options->timeout.value));
    return tell(cli, "POST", path, NULL, e);
}

static int stop_one(struct cli *cli, const void *options, const char *name, struct error *e)
{
    return stop_or_restart(cli, options, api_path(cli, "/containers/%s/stop", name), e);
}

static int restart_one(struct cli *cli, const void *options, const char *name, struct error *e)
{
    return stop_or_restart(cli, options, api_path(cli, "/containers/%s/restart", name), e);
}

struct kill_options {
    const char *signal;
};

static const struct option kill_options[] = {
    OPTION(struct kill_options, signal, 's', "signal", "string", "Signal to send to the container"),
    OPTIONS_END};

static int kill_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct kill_options *options = values;
    char *path = api_path(cli, "/containers/%s/kill", name);
    return tell(cli, "POST", with_query(cli, path, "signal", options->signal), NULL, e);
}

static int pause_one(struct cli *cli, const void *options, const char *name, struct error *e)
{
    (void)options;
    return tell(cli, "POST", api_path(cli, "/containers/%s/pause", name), NULL, e);
}

static int unpause_one(struct cli *cli, const void *options, const char *name, struct error *e)
{
    (void)options;
    return tell(cli, "POST", api_path(cli, "/containers/%s/unpause", name), NULL, e);
}

struct remove_options {
    bool force, volumes, link;
};

static const struct option remove_options[] = {
    OPTION(struct remove_options, force, 'f', "force", NULL,
           "Force the removal of a running container (uses SIGKILL)"),
    OPTION(struct remove_options, link, 'l', "link", NULL, NULL),
    OPTION(struct remove_options, volumes, 'v', "volumes", NULL,
           "Remove anonymous volumes associated with the container"),
    OPTIONS_END};

/* With --force, what is not there needs no removal: Docker says that it is missing and succeeds. */
static int remove_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct remove_options *options = values;
    char *path = api_path(cli, "/containers/%s", name);
    path = with_query(cli, path, "force", options->force ? "1" : NULL);
    path = with_query(cli, path, "v", options->volumes ? "1" : NULL);
    int result = tell(cli, "DELETE", path, NULL, e);
    if (result < 0 && options->force && e->code == ENOENT) {
        report(e);
        return 1;
    }
    return result;
}

#define MANY_NAMES(function, action)                                                               \
    static int function(struct cli *cli, const void *options, struct words words, struct error *e) \
    {                                                                                              \
        (void)e;                                                                                   \
        return for_each_name(cli, options, words, action);                                         \
    }

MANY_NAMES(run_stop, stop_one)
MANY_NAMES(run_restart, restart_one)
MANY_NAMES(run_kill, kill_one)
MANY_NAMES(run_pause, pause_one)
MANY_NAMES(run_unpause, unpause_one)
MANY_NAMES(run_remove, remove_one)

static int run_wait(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    int status = 0;
    for (size_t i = 0; i < words.count; i++) {
        json_auto_t *answer = NULL;
        if (ask(cli, "POST", api_path(cli, "/containers/%s/wait", words.items[i]), NULL, &answer,
                e) < 0) {
            report(e);
            status = 1;
        } else {
            printf("%lld\n", json_number(answer, "StatusCode"));
            fflush(stdout);
        }
    }
    return status;
}

static int run_rename(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    char *path = api_path(cli, "/containers/%s/rename", words.items[0]);
    return tell(cli, "POST", with_query(cli, path, "name", words.items[1]), NULL, e);
}

#define SEVERAL "[OPTIONS] CONTAINER [CONTAINER...]"

const struct command stop_command = {.usage = SEVERAL,
                                     .summary = "Stop one or more running containers",
                                     .options = stop_options,
                                     .values_size = sizeof(struct stop_options),
                                     .least = 1,
                                     .most = ANY_NUMBER,
                                     .run = run_stop};

const struct command restart_command = {.usage = SEVERAL,
                                        .summary = "Restart one or more containers",
                                        .options = stop_options,
                                        .values_size = sizeof(struct stop_options),
                                        .least = 1,
                                        .most = ANY_NUMBER,
                                        .run = run_restart};

const struct command kill_command = {.usage = SEVERAL,
                                     .summary = "Kill one or more running containers",
                                     .options = kill_options,
                                     .values_size = sizeof(struct kill_options),
                                     .least = 1,
                                     .most = ANY_NUMBER,
                                     .run = run_kill};

const struct command pause_command = {.usage = "CONTAINER [CONTAINER...]",
                                      .summary =
                                          "Pause all processes within one or more containers",
                                      .least = 1,
                                      .most = ANY_NUMBER,
                                      .run = run_pause};

const struct command unpause_command = {.usage = "CONTAINER [CONTAINER...]",
                                        .summary =
                                            "Unpause all processes within one or more containers",
                                        .least = 1,
                                        .most = ANY_NUMBER,
                                        .run = run_unpause};

const struct command remove_command = {.usage = SEVERAL,
                                       .summary = "Remove one or more containers",
                                       .options = remove_options,
                                       .values_size = sizeof(struct remove_options),
                                       .least = 1,
                                       .most = ANY_NUMBER,
                                       .run = run_remove};

const struct command wait_command = {
    .usage = "CONTAINER [CONTAINER...]",
    .summary = "Block until one or more containers stop, then print their exit codes",
    .least = 1,
    .most = ANY_NUMBER,
    .run = run_wait};

const struct command rename_command = {.usage = "CONTAINER NEW_NAME",
                                       .summary = "Rename a container",
                                       .least = 2,
                                       .most = 2,
                                       .run = run_rename};
