/* Volumes. */
#include "api/routes.h"
#include "engine/engine.h"

int list_volumes(struct request *request, struct error *e)
{
    json_t *filters;

    if (request_filters(request, &filters, e) < 0)
        return -1;
    json_t *list = engine_volume_list(request->engine, filters, e);
    json_decref(filters);
    return list ? reply_json(request, 200, list) : -1;
}

int create_volume(struct request *request, struct error *e)
{
    json_t *body = request_json(request, e);
    json_t *volume = body ? engine_volume_create(request->engine, body, e) : NULL;

    json_decref(body);
    return volume ? reply_json(request, 201, volume) : -1;
}

int inspect_volume(struct request *request, struct error *e)
{
    json_t *volume = engine_volume_inspect(request->engine, request->params[0], e);
    return volume ? reply_json(request, 200, volume) : -1;
}

int remove_volume(struct request *request, struct error *e)
{
    if (engine_volume_remove(request->engine, request->params[0], request_flag(request, "force"),
                             e) < 0)
        return -1;
    return reply_empty(request, 204);
}
