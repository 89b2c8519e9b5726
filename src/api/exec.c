/* Further processes in a container. */
#include <errno.h>

#include "api/joined_streams.h"
#include "api/routes.h"
#include "api/tasks.h"
#include "engine/engine.h"

int create_exec(struct request *request, struct error *e)
{
    char id[ENGINE_ID_SIZE];
    json_t *config = request_json(request, e);
    if (!config)
        return -1;
    int result = engine_exec_create(request->engine, request->params[0], config, id, e);
    json_decref(config);
    return result < 0 ? -1 : reply_json(request, 201, json_pack("{s:s}", "Id", id));
}

int start_exec(struct request *request, struct error *e)
{
    int streams = -1;
    json_t *body = request_json(request, e);
    if (!body)
        return -1;
    bool detach = json_is_true(json_object_get(body, "Detach"));
    json_decref(body);
    json_t *task =
        json_pack("{s:s, s:s, s:b}", "Task", "exec", "Ref", request->params[0], "Detach", detach);
    if (perform(request->launcher, request->engine, task, &streams, e) < 0)
        return -1;
    return detach ? reply_empty(request, 200) : reply_joined(request, streams);
}

int inspect_exec(struct request *request, struct error *e)
{
    json_t *exec = engine_exec_inspect(request->engine, request->params[0], e);
    return exec ? reply_json(request, 200, exec) : -1;
}
