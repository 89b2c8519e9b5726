/* Containers: started, stopped, signalled. */
#include <errno.h>

#include "api/checkpoint_paths.h"
#include "api/routes.h"
#include "engine/engine.h"

int start_container(struct request *request, struct error *e)
{
    const char *id = request->params[0];
    const char *checkpoint = request_query(request, "checkpoint");
    struct engine_checkpoint from = {.name = checkpoint, .force = true};

    if (!checkpoint || !*checkpoint) {
        if (engine_container_start(request->engine, id, e) < 0)
            return -1;
        return reply_empty(request, 204);
    }
    if (checkpoint_path(request_query(request, "checkpoint-dir"), &from.directory, e) < 0 ||
        engine_container_restore(request->engine, id, &from, e) < 0)
        return -1;
    return reply_empty(request, 204);
}

typedef int stopper(struct engine *engine, const char *ref, const char *signal, int timeout,
                    struct error *e);

static int stop_by(stopper *stop, struct request *request, struct error *e)
{
    int64_t timeout;

    if (request_number(request, "t", -1, &timeout, e) < 0)
        return -1;
    if (timeout < -1 || timeout > INT32_MAX)
        timeout = INT32_MAX;
    if (stop(request->engine, request->params[0], request_query(request, "signal"), (int)timeout,
             e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int stop_container(struct request *request, struct error *e)
{
    return stop_by(engine_container_stop, request, e);
}

int restart_container(struct request *request, struct error *e)
{
    return stop_by(engine_container_restart, request, e);
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
