#include <stdio.h>

#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/values.h"

struct exec_options {
    bool detach, interactive, privileged, tty;
    const char *user, *workdir, *detach_keys;
    struct text_list env, env_file;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct exec_options, field, letter, name, value, help)

static const struct option exec_options[] = {
    OPT(detach, 'd', "detach", NULL, "Detached mode: run command in the background"),
    OPT(detach_keys, 0, "detach-keys", "string", NULL),
    OPT(env, 'e', "env", "list", "Set environment variables"),
    OPT(env_file, 0, "env-file", "list", "Read in a file of environment variables"),
    OPT(interactive, 'i', "interactive", NULL, "Keep STDIN open even if not attached"),
    OPT(privileged, 0, "privileged", NULL, "Give extended privileges to the command"),
    OPT(tty, 't', "tty", NULL, NULL),
    OPT(user, 'u', "user", "string", "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
    OPT(workdir, 'w', "workdir", "string", "Working directory inside the container"),
    OPTIONS_END};

static json_t *exec_spec(struct cli *cli, const struct exec_options *options, struct words words,
                         struct error *e)
{
    json_t *env = json_array(), *command = json_array();
    for (size_t i = 1; i < words.count; i++)
        json_array_append_new(command, json_string(words.items[i]));
    json_t *spec = json_pack("{s:b, s:b, s:b, s:b, s:b, s:o, s:o}", "AttachStdin",
                             options->interactive && !options->detach, "AttachStdout",
                             !options->detach, "AttachStderr", !options->detach, "Privileged",
                             options->privileged, "Tty", false, "Env", env, "Cmd", command);
    if (options->user)
        json_object_set_new(spec, "User", json_string(options->user));
    if (options->workdir)
        json_object_set_new(spec, "WorkingDir", json_string(options->workdir));
    for (size_t i = 0; i < options->env_file.count; i++) {
        if (add_environment_file(cli, options->env_file.items[i], env, e) < 0) {
            json_decref(spec);
            return NULL;
        }
    }
    for (size_t i = 0; i < options->env.count; i++)
        add_environment(cli, options->env.items[i], env);
    return spec;
}

/* *id becomes that of the new exec instance. */
static int create_exec(struct cli *cli, const struct exec_options *options, struct words words,
                       const char **id, struct error *e)
{
    json_auto_t *spec = exec_spec(cli, options, words, e);
    json_auto_t *answer = NULL;
    if (!spec || ask(cli, "POST", api_path(cli, "/containers/%s/exec", words.items[0]), spec,
                     &answer, e) < 0)
        return -1;
    *id = arena_strdup(cli->arena, json_text(answer, "Id"));
    return 0;
}

static int exec_exit_status(struct cli *cli, const char *id, struct error *e)
{
    json_auto_t *answer = NULL;
    if (ask(cli, "GET", api_path(cli, "/exec/%s/json", id), NULL, &answer, e) < 0)
        return -1;
    return (int)json_number(answer, "ExitCode") & 0xff;
}

static int report_failed_exec(const struct error *e)
{
    int status = status_of_failed_start(e);
    report(e);
    return status == 125 ? 1 : status;
}

static int exec_attached(struct cli *cli, const struct exec_options *options, const char *id,
                         struct error *e)
{
    static const char body[] = "{\"Detach\":false,\"Tty\":false}";
    AUTO_ATTACHMENT struct attachment attachment = {.signals = -1,
                                                    .with_stdin = options->interactive};
    struct http_request request = {.method = "POST",
                                   .path = api_path(cli, "/exec/%s/start", id),
                                   .content_type = "application/json",
                                   .body = body,
                                   .body_size = sizeof(body) - 1,
                                   .upgrade = true};
    if (stream_open(cli, &request, &attachment.stream, e) < 0)
        return report_failed_exec(e);
    if (pump_attachment(cli, &attachment, e) < 0)
        return -1;
    return exec_exit_status(cli, id, e);
}

static int exec_detached(struct cli *cli, const char *id, struct error *e)
{
    json_auto_t *body = json_pack("{s:b, s:b}", "Detach", true, "Tty", false);
    if (tell(cli, "POST", api_path(cli, "/exec/%s/start", id), body, e) < 0)
        return report_failed_exec(e);
    return 0;
}

static int run_exec(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct exec_options *options = values;
    const char *id;
    if (options->tty)
        return fail_usage(e, "terminals (-t, --tty) are not supported yet");
    if (create_exec(cli, options, words, &id, e) < 0)
        return -1;
    return options->detach ? exec_detached(cli, id, e) : exec_attached(cli, options, id, e);
}

const struct command exec_command = {.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
                                     .summary = "Execute a command in a running container",
                                     .options = exec_options,
                                     .values_size = sizeof(struct exec_options),
                                     .least = 2,
                                     .most = ANY_NUMBER,
                                     .options_first = true,
                                     .run = run_exec};
