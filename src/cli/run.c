#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/containers.h"

static int report_failed_start(const struct error *e)
{
    fprintf(stderr, "stasis: %s\n", e->text);
    return status_of_failed_start(e);
}

/* Attaches before the start and waits from before it, so that no output and no exit is missed. */
static int start_attached(struct cli *cli, const struct container_options *options, const char *id,
                          int signals, struct error *e)
{
    AUTO_STREAM struct stream wait = {0};
    AUTO_ATTACHMENT struct attachment attachment = {
        .container = id, .signals = signals, .with_stdin = options->interactive};
    if (attach_container(cli, id, &attachment, e) < 0 ||
        expect_exit(cli, id, options->rm ? "removed" : "next-exit", &wait, e) < 0)
        return -1;
    if (client_start_container(cli, id, NULL, NULL, e) < 0)
        return report_failed_start(e);
    if (pump_attachment(cli, &attachment, e) < 0)
        return -1;
    return container_exit_status(&wait, e);
}

static int run_attached(struct cli *cli, const struct container_options *options,
                        struct words words, struct error *e)
{
    const char *id;
    AUTO_CLOSE int signals = options->sig_proxy ? catch_signals(e) : -1;
    if (options->sig_proxy && signals < 0)
        return -1;
    if (client_create_container(cli, options, words, &id, e) < 0)
        return -1;
    return start_attached(cli, options, id, signals, e);
}

static int run_detached(struct cli *cli, const struct container_options *options,
                        struct words words, struct error *e)
{
    const char *id;
    if (client_create_container(cli, options, words, &id, e) < 0)
        return -1;
    if (client_start_container(cli, id, NULL, NULL, e) < 0)
        return report_failed_start(e);
    puts(id);
    return 0;
}

static int run_run(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct container_options *options = values;
    if (options->detach && options->attach.count > 0)
        return fail_usage(e, "conflicting options: cannot specify both --attach and --detach");
    return options->detach ? run_detached(cli, options, words, e)
                           : run_attached(cli, options, words, e);
}

const struct command run_command = {
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .options = run_option_table,
    .values_size = sizeof(struct container_options),
    .defaults = &default_container_options,
    .least = 1,
    .most = ANY_NUMBER,
    .options_first = true,
    .failure_status = 125,
    .run = run_run,
};
