#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/attachment.h"
#include "cli/commands.h"

struct attach_options {
    bool no_stdin, sig_proxy;
    const char *detach_keys;
};

static const struct attach_options defaults = {.sig_proxy = true};

static const struct option attach_options[] = {
    OPTION(struct attach_options, detach_keys, 0, "detach-keys", "string", NULL),
    OPTION(struct attach_options, no_stdin, 0, "no-stdin", NULL, "Do not attach STDIN"),
    OPTION(struct attach_options, sig_proxy, 0, "sig-proxy", NULL,
           "Proxy all received signals to the process (default true)"),
    OPTIONS_END};

/* Asks what kind of streams the container has, and whether there is anything to attach to. */
static int look_at_container(struct cli *cli, const char *name, struct attachment *attachment,
                             struct error *e)
{
    json_auto_t *container = NULL;
    if (ask(cli, "GET", api_path(cli, "/containers/%s/json", name), NULL, &container, e) < 0)
        return -1;
    const json_t *state = json_object_get(container, "State");
    const json_t *config = json_object_get(container, "Config");
    if (!json_is_true(json_object_get(state, "Running")))
        return fail(e, EINVAL, "cannot attach to a stopped container, start the container first");
    if (json_is_true(json_object_get(state, "Paused")))
        return fail(e, EINVAL, "cannot attach to a paused container, unpause the container first");
    attachment->raw = json_is_true(json_object_get(config, "Tty"));
    attachment->with_stdin =
        attachment->with_stdin && json_is_true(json_object_get(config, "OpenStdin"));
    return 0;
}

static int run_attach(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct attach_options *options = values;
    const char *name = words.items[0];
    AUTO_STREAM struct stream wait = {0};
    AUTO_CLOSE int signals = options->sig_proxy ? catch_signals(e) : -1;
    if (options->sig_proxy && signals < 0)
        return -1;
    AUTO_ATTACHMENT struct attachment attachment = {
        .container = name, .signals = signals, .with_stdin = !options->no_stdin};
    if (look_at_container(cli, name, &attachment, e) < 0 ||
        expect_exit(cli, name, "not-running", &wait, e) < 0 ||
        attach_container(cli, name, &attachment, e) < 0 || pump_attachment(cli, &attachment, e) < 0)
        return -1;
    return container_exit_status(&wait, e);
}

const struct command attach_command = {
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Attach local standard input, output, and error streams to a running container",
    .options = attach_options,
    .values_size = sizeof(struct attach_options),
    .defaults = &defaults,
    .least = 1,
    .most = 1,
    .run = run_attach};
