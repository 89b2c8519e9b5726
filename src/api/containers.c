/* Containers: made, listed, looked at, removed. */
#include <errno.h>

#include "api/routes.h"
#include "engine/engine.h"

int create_container(struct request *request, struct error *e)
{
    char id[ENGINE_ID_SIZE];
    json_t *warnings = NULL;
    json_t *body = request_json(request, e);
    if (!body)
        return -1;
    int result = engine_container_create(request->engine, request_query(request, "name"), body, id,
                                         &warnings, e);
    json_decref(body);
    if (result == 0)
        reply_json(request, 201,
                   json_pack("{s:s, s:o}", "Id", id, "Warnings",
                             warnings ? json_incref(warnings) : json_array()));
    json_decref(warnings);
    return result;
}

int list_containers(struct request *request, struct error *e)
{
    struct engine_list query = {.all = request_flag(request, "all"),
                                .size = request_flag(request, "size")};
    int64_t limit;
    json_t *filters;

    if (request_number(request, "limit", 0, &limit, e) < 0 ||
        request_filters(request, &filters, e) < 0)
        return -1;
    query.limit = limit > 0 && limit < INT32_MAX ? (int)limit : 0;
    query.filters = filters;
    json_t *list = engine_container_list(request->engine, &query, e);
    json_decref(filters);
    return list ? reply_json(request, 200, list) : -1;
}

int inspect_container(struct request *request, struct error *e)
{
    json_t *container = engine_container_inspect(request->engine, request->params[0],
                                                 request_flag(request, "size"), e);
    return container ? reply_json(request, 200, container) : -1;
}

int rename_container(struct request *request, struct error *e)
{
    const char *name = request_query(request, "name");

    if (!name || !*name)
        return fail(e, EINVAL, "Neither old nor new names may be empty");
    if (engine_container_rename(request->engine, request->params[0], name, e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int show_processes(struct request *request, struct error *e)
{
    json_t *top = engine_container_top(request->engine, request->params[0],
                                       request_query(request, "ps_args"), e);
    return top ? reply_json(request, 200, top) : -1;
}

int remove_container(struct request *request, struct error *e)
{
    if (engine_container_remove(request->engine, request->params[0], request_flag(request, "force"),
                                request_flag(request, "v"), e) < 0)
        return -1;
    return reply_empty(request, 204);
}

int prune_containers(struct request *request, struct error *e)
{
    json_t *filters;

    if (request_filters(request, &filters, e) < 0)
        return -1;
    json_t *report = engine_container_prune(request->engine, filters, e);
    json_decref(filters);
    return report ? reply_json(request, 200, report) : -1;
}
