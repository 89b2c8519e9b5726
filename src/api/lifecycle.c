/* Containers: started, stopped, signalled. */
#include <errno.h>

#include "api/checkpoint_paths.h"
#include "api/routes.h"
#include "api/tasks.h"

int start_container(struct request *request, struct error *e)
{
    const char *id = request->params[0];
    const char *checkpoint = request_query(request, "checkpoint");
    struct engine_checkpoint from = {.name = checkpoint, .force = true};

    if (!checkpoint || !*checkpoint) {
        json_t *task = json_pack("{s:s, s:s, s:b}", "Task", "start", "Ref", id, "Starts", true);
        if (perform(request->launcher, request->engine, task, NULL, e) < 0)
            return -1;
        return reply_empty(request, 204);
    }
    if (checkpoint_path(request_query(request, "checkpoint-dir"), &from.directory, e) < 0 ||
        perform(request->launcher, request->engine, checkpoint_task("restore", id, &from), NULL,
                e) < 0)
        return -1;
    return reply_empty(request, 204);
}

static int read_timeout(const struct request *request, int *seconds, struct error *e)
{
    int64_t timeout;

    if (request_number(request, "t", -1, &timeout, e) < 0)
        return -1;
    *seconds = timeout < -1 || timeout > INT32_MAX ? INT32_MAX : (int)timeout;
    return 0;
}

int stop_container(struct request *request, struct error *e)
{
    int timeout;

    if (read_timeout(request, &timeout, e) < 0 ||
        engine_container_stop(request->engine, request->params[0], request_query(request, "signal"),
                              timeout, e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int restart_container(struct request *request, struct error *e)
{
    int timeout;

    if (read_timeout(request, &timeout, e) < 0)
        return -1;
    json_t *task =
        json_pack("{s:s, s:s, s:b, s:s?, s:i}", "Task", "restart", "Ref", request->params[0],
                  "Starts", true, "Signal", request_query(request, "signal"), "Timeout", timeout);
    if (perform(request->launcher, request->engine, task, NULL, e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int kill_container(struct request *request, struct error *e)
{
    if (engine_container_kill(request->engine, request->params[0], request_query(request, "signal"),
                              e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int pause_container(struct request *request, struct error *e)
{
    if (engine_container_pause(request->engine, request->params[0], e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int unpause_container(struct request *request, struct error *e)
{
    if (engine_container_unpause(request->engine, request->params[0], e) < 0)
        return -1;
    return reply_empty(request, 204);
}

/* There are no terminals to resize yet; clients that have one say so anyway. */
int resize_terminal(struct request *request, struct error *e)
{
    (void)e;
    return reply_empty(request, 200);
}
