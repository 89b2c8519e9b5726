/* Checkpoints: Docker's API since 1.12, and the calls of the experimental 1.10 under our names. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "api/checkpoint_paths.h"
#include "api/routes.h"
#include "api/tasks.h"

int checkpoint_path(const char *text, const char **path, struct error *e)
{
    *path = NULL;
    if (!text || !*text)
        return 0;
    if (*text != '/' || strlen(text) >= PATH_MAX)
        return fail(e, EINVAL, "checkpoint directory must be an absolute path: %.200s", text);
    *path = text;
    return 0;
}

static const char *text_of(const json_t *body, const char *key)
{
    return json_string_value(json_object_get(body, key));
}

static bool flag_of(const json_t *body, const char *key)
{
    return json_is_true(json_object_get(body, key));
}

static int create_from_body(struct request *request, const json_t *body, struct error *e)
{
    struct engine_checkpoint checkpoint = {.name = text_of(body, "CheckpointID"),
                                           .leave_running = !flag_of(body, "Exit")};

    if (!checkpoint.name || !*checkpoint.name)
        return fail(e, EINVAL, "Invalid checkpoint ID: it must not be empty");
    if (checkpoint_path(text_of(body, "CheckpointDir"), &checkpoint.directory, e) < 0)
        return -1;
    json_t *task = checkpoint_task("checkpoint", request->params[0], &checkpoint);
    return perform(request->launcher, request->engine, task, NULL, e);
}

int create_checkpoint(struct request *request, struct error *e)
{
    json_t *body = request_json(request, e);
    int result = body ? create_from_body(request, body, e) : -1;

    json_decref(body);
    return result < 0 ? -1 : reply_empty(request, 201);
}

int list_checkpoints(struct request *request, struct error *e)
{
    const char *directory;

    if (checkpoint_path(request_query(request, "dir"), &directory, e) < 0)
        return -1;
    json_t *list = engine_checkpoint_list(request->engine, request->params[0], directory, e);
    return list ? reply_json(request, 200, list) : -1;
}

int remove_checkpoint(struct request *request, struct error *e)
{
    const char *directory;

    if (checkpoint_path(request_query(request, "dir"), &directory, e) < 0 ||
        engine_checkpoint_remove(request->engine, request->params[0], request->params[1], directory,
                                 e) < 0)
        return -1;
    return reply_empty(request, 204);
}

static int act_on_body(const char *task, struct request *request, const json_t *body,
                       struct error *e)
{
    struct engine_checkpoint checkpoint = {.leave_running = flag_of(body, "leaveRunning"),
                                           .ignore_rootfs = flag_of(body, "ignoreRootfs"),
                                           .force = flag_of(body, "force")};

    if (checkpoint_path(text_of(body, "imageDir"), &checkpoint.image_dir, e) < 0 ||
        checkpoint_path(text_of(body, "workDir"), &checkpoint.work_dir, e) < 0)
        return -1;
    return perform(request->launcher, request->engine,
                   checkpoint_task(task, request->params[0], &checkpoint), NULL, e);
}

static int act_as_in_1_10(const char *task, struct request *request, struct error *e)
{
    json_t *body = request_json(request, e);
    int result = body ? act_on_body(task, request, body, e) : -1;

    json_decref(body);
    return result < 0 ? -1 : reply_empty(request, 204);
}

int checkpoint_as_in_1_10(struct request *request, struct error *e)
{
    return act_as_in_1_10("checkpoint", request, e);
}

int restore_as_in_1_10(struct request *request, struct error *e)
{
    return act_as_in_1_10("restore", request, e);
}
