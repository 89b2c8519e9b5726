#include <stdio.h>

#include "base/cleanup.h"
#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/values.h"

struct start_options {
    bool attach, interactive;
    const char *checkpoint, *checkpoint_dir, *detach_keys;
};

#define OPT(field, letter, name, value, help)                                                      \
    OPTION(struct start_options, field, letter, name, value, help)

static const struct option start_options[] = {
    OPT(attach, 'a', "attach", NULL, "Attach STDOUT/STDERR and forward signals"),
    OPT(checkpoint, 0, "checkpoint", "string", "Restore from this checkpoint"),
    OPT(checkpoint_dir, 0, "checkpoint-dir", "string", "Use a custom checkpoint storage directory"),
    OPT(detach_keys, 0, "detach-keys", "string", NULL),
    OPT(interactive, 'i', "interactive", NULL, "Attach container's STDIN"),
    OPTIONS_END};

static int start_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct start_options *options = values;
    return client_start_container(cli, name, options->checkpoint,
                                  absolute_path(cli, options->checkpoint_dir), e);
}

static int start_attached(struct cli *cli, const struct start_options *options, const char *name,
                          struct error *e)
{
    AUTO_STREAM struct stream wait = {0};
    AUTO_CLOSE int signals = catch_signals(e);
    if (signals < 0)
        return -1;
    AUTO_ATTACHMENT struct attachment attachment = {
        .container = name, .signals = signals, .with_stdin = options->interactive};
    if (attach_container(cli, name, &attachment, e) < 0 ||
        expect_exit(cli, name, "next-exit", &wait, e) < 0 || start_one(cli, options, name, e) < 0 ||
        pump_attachment(cli, &attachment, e) < 0)
        return -1;
    return container_exit_status(&wait, e);
}

static int run_start(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct start_options *options = values;
    bool attached = options->attach || options->interactive;
    if (attached && words.count > 1)
        return fail_usage(e, "you cannot start and attach multiple containers at once");
    if (options->checkpoint && words.count > 1)
        return fail_usage(e, "you cannot restore multiple containers at once");
    if (options->checkpoint_dir && !options->checkpoint)
        return fail_usage(e, "--checkpoint-dir needs --checkpoint");
    return attached ? start_attached(cli, options, words.items[0], e)
                    : for_each_name(cli, options, words, start_one);
}

const struct command start_command = {.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
                                      .summary = "Start one or more stopped containers",
                                      .options = start_options,
                                      .values_size = sizeof(struct start_options),
                                      .least = 1,
                                      .most = ANY_NUMBER,
                                      .run = run_start};
