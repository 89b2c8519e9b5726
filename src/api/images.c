/* Images: listed, looked at, named, removed, made of the machine's busybox. */
#include <errno.h>

#include "api/routes.h"
#include "engine/engine.h"

int list_images(struct request *request, struct error *e)
{
    json_t *filters;

    if (request_filters(request, &filters, e) < 0)
        return -1;
    json_t *list = engine_image_list(request->engine, filters, request_flag(request, "all"), e);
    json_decref(filters);
    return list ? reply_json(request, 200, list) : -1;
}

int inspect_image(struct request *request, struct error *e)
{
    json_t *image = engine_image_inspect(request->engine, request->params[0], e);
    return image ? reply_json(request, 200, image) : -1;
}

int show_image_history(struct request *request, struct error *e)
{
    json_t *history = engine_image_history(request->engine, request->params[0], e);
    return history ? reply_json(request, 200, history) : -1;
}

int tag_image(struct request *request, struct error *e)
{
    const char *repository = request_query(request, "repo");

    if (!repository || !*repository)
        return fail(e, EINVAL, "repository name must not be empty");
    if (engine_image_tag(request->engine, request->params[0], repository,
                         request_query(request, "tag"), e) < 0)
        return -1;
    return reply_empty(request, 201);
}

int remove_image(struct request *request, struct error *e)
{
    json_t *report = NULL;

    if (engine_image_remove(request->engine, request->params[0], request_flag(request, "force"),
                            &report, e) < 0)
        return -1;
    return reply_json(request, 200, report);
}

int build_busybox(struct request *request, struct error *e)
{
    char id[ENGINE_IMAGE_ID_SIZE];

    if (engine_image_busybox(request->engine, NULL, request_query(request, "name"), id, e) < 0)
        return -1;
    return reply_json(request, 201, json_pack("{s:s}", "Id", id));
}
