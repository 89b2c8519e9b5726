/* checkpoint and restore as Docker 1.10 had them, and `checkpoint create`, `ls` and `rm` of 1.12.
 */
#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/format.h"
#include "cli/values.h"

struct checkpoint_options {
    bool leave_running, ignore_rootfs, force;
    const char *image_dir, *work_dir;
};

#define OPT(field, name, value, help) OPTION(struct checkpoint_options, field, 0, name, value, help)

static const struct option checkpoint_options[] = {
    MANUAL_OPTION(struct checkpoint_options, ignore_rootfs, 0, "ignore-rootfs", NULL,
                  "leave the changes of the container's files out of the checkpoint"),
    OPT(image_dir, "image-dir", "", "directory for storing checkpoint image files"),
    OPT(leave_running, "leave-running", NULL, "leave the container running after checkpoint"),
    OPT(work_dir, "work-dir", "", "directory for storing log file"), OPTIONS_END};

static const struct option restore_options[] = {
    OPT(force, "force", NULL, "bypass checks for current container state"),
    OPT(image_dir, "image-dir", "", "directory to restore image files from"),
    OPT(work_dir, "work-dir", "", "directory for restore log"), OPTIONS_END};

static void set_directories(struct cli *cli, const struct checkpoint_options *options, json_t *body)
{
    if (options->image_dir)
        json_object_set_new(body, "imageDir", json_string(absolute_path(cli, options->image_dir)));
    if (options->work_dir)
        json_object_set_new(body, "workDir", json_string(absolute_path(cli, options->work_dir)));
}

static int checkpoint_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct checkpoint_options *options = values;
    json_auto_t *body = json_pack("{s:b, s:b}", "leaveRunning", options->leave_running,
                                  "ignoreRootfs", options->ignore_rootfs);
    set_directories(cli, options, body);
    return tell(cli, "POST", api_path(cli, "/containers/%s/checkpoint", name), body, e);
}

static int restore_one(struct cli *cli, const void *values, const char *name, struct error *e)
{
    const struct checkpoint_options *options = values;
    json_auto_t *body = json_pack("{s:b}", "force", options->force);
    set_directories(cli, options, body);
    return tell(cli, "POST", api_path(cli, "/containers/%s/restore", name), body, e);
}

static int run_checkpoint(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)e;
    return for_each_name(cli, options, words, checkpoint_one);
}

static int run_restore(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)e;
    return for_each_name(cli, options, words, restore_one);
}

struct named_options {
    bool leave_running;
    const char *checkpoint_dir;
};

#define CHECKPOINT_DIR                                                                             \
    OPTION(struct named_options, checkpoint_dir, 0, "checkpoint-dir", "string",                    \
           "Use a custom checkpoint storage directory")

static const struct option create_options[] = {
    CHECKPOINT_DIR,
    OPTION(struct named_options, leave_running, 0, "leave-running", NULL,
           "Leave the container running after checkpoint"),
    OPTIONS_END};

static const struct option named_options[] = {CHECKPOINT_DIR, OPTIONS_END};

static int run_create(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct named_options *options = values;
    json_auto_t *body =
        json_pack("{s:s, s:b}", "CheckpointID", words.items[1], "Exit", !options->leave_running);
    if (options->checkpoint_dir)
        json_object_set_new(body, "CheckpointDir",
                            json_string(absolute_path(cli, options->checkpoint_dir)));
    if (tell(cli, "POST", api_path(cli, "/containers/%s/checkpoints", words.items[0]), body, e) < 0)
        return -1;
    puts(words.items[1]);
    return 0;
}

static int run_list(struct cli *cli, const void *values, struct words words, struct error *e)
{
    static const struct column columns[] = {{"Name", "CHECKPOINT NAME"}, {0}};
    const struct named_options *options = values;
    json_auto_t *answer = NULL;
    char *path = api_path(cli, "/containers/%s/checkpoints", words.items[0]);
    path = with_query(cli, path, "dir", absolute_path(cli, options->checkpoint_dir));
    if (ask(cli, "GET", path, NULL, &answer, e) < 0)
        return -1;
    return print_rows(cli, columns, "table {{.Name}}", NULL, answer, e);
}

static int run_remove(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct named_options *options = values;
    char *path = api_path(cli, "/containers/%s/checkpoints/", words.items[0]);
    path = arena_printf(cli->arena, "%s%s", path, api_path(cli, "%s", words.items[1]));
    path = with_query(cli, path, "dir", absolute_path(cli, options->checkpoint_dir));
    return tell(cli, "DELETE", path, NULL, e);
}

static const struct command create_checkpoint_command = {
    .usage = "[OPTIONS] CONTAINER CHECKPOINT",
    .summary = "Create a checkpoint from a running container",
    .options = create_options,
    .values_size = sizeof(struct named_options),
    .least = 2,
    .most = 2,
    .run = run_create};

static const struct command list_checkpoints_command = {.usage = "[OPTIONS] CONTAINER",
                                                        .summary =
                                                            "List checkpoints for a container",
                                                        .options = named_options,
                                                        .values_size = sizeof(struct named_options),
                                                        .least = 1,
                                                        .most = 1,
                                                        .run = run_list};

static const struct command remove_checkpoint_command = {.usage = "[OPTIONS] CONTAINER CHECKPOINT",
                                                         .summary = "Remove a checkpoint",
                                                         .options = named_options,
                                                         .values_size =
                                                             sizeof(struct named_options),
                                                         .least = 2,
                                                         .most = 2,
                                                         .run = run_remove};

static const struct command_name checkpoint_group[] = {
    {"create", &create_checkpoint_command}, {"ls", &list_checkpoints_command},
    {"list", &list_checkpoints_command},    {"rm", &remove_checkpoint_command},
    {"remove", &remove_checkpoint_command}, {0}};

/* Both a command and a group. A container that is called as one of the group is named behind `--`.
 */
const struct command checkpoint_command = {.usage = "[OPTIONS] CONTAINER",
                                           .summary = "Checkpoint one or more running containers",
                                           .options = checkpoint_options,
                                           .values_size = sizeof(struct checkpoint_options),
                                           .least = 1,
                                           .most = ANY_NUMBER,
                                           .classic_help = true,
                                           .run = run_checkpoint,
                                           .group = checkpoint_group};

const struct command restore_command = {.usage = "[OPTIONS] CONTAINER",
                                        .summary = "Restore one or more checkpointed containers",
                                        .options = restore_options,
                                        .values_size = sizeof(struct checkpoint_options),
                                        .least = 1,
                                        .most = ANY_NUMBER,
                                        .classic_help = true,
                                        .run = run_restore};
