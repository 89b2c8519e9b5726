/* Images from and into archives, which are streamed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/routes.h"
#include "base/cleanup.h"
#include "engine/engine.h"

/* The archive that the client sends; without a body, an empty one. */
static int open_body(const struct request *request, struct error *e)
{
    int fd = request->body_fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                                  : fcntl(request->body_fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? fail_errno(e, "request body") : fd;
}

static int reply_progress(struct request *request, const char *key, const char *text)
{
    return reply_json(request, 200, json_pack("{s:s}", key, text));
}

int load_images(struct request *request, struct error *e)
{
    AUTO_CLOSE int tar = open_body(request, e);
    json_t *loaded = NULL;
    json_t *line;
    size_t index;
    char *text = arena_strdup(request->arena, "");

    if (tar < 0 || engine_image_load(request->engine, tar, &loaded, e) < 0)
        return -1;
    json_array_foreach (loaded, index, line)
        text = arena_printf(request->arena, "%s%s\n", text, json_string_value(line));
    json_decref(loaded);
    return reply_progress(request, "stream", text);
}

static int save_to(struct request *request, const struct stream *stream, void *context,
                   struct error *e)
{
    json_t *references = context;
    int result = engine_image_save(request->engine, references, stream->fd, e);

    json_decref(references);
    return result;
}

/* An unknown image must be told before the first byte of the archive. */
static int check_images(struct request *request, json_t *references, struct error *e)
{
    size_t index;
    json_t *reference;

    json_array_foreach (references, index, reference) {
        json_t *image = engine_image_inspect(request->engine, json_string_value(reference), e);
        if (!image)
            return -1;
        json_decref(image);
    }
    return 0;
}

int save_images(struct request *request, struct error *e)
{
    size_t count = 0;
    const char **names =
        request->params[0] ? request->params : request_query_all(request, "names", &count);
    json_t *references = json_array();

    for (size_t i = 0; i < (request->params[0] ? 1 : count); i++)
        json_array_append_new(references, json_string(names[i]));
    if (!json_array_size(references))
        fail(e, EINVAL, "no image was named");
    if (!json_array_size(references) || check_images(request, references, e) < 0) {
        json_decref(references);
        return -1;
    }
    return reply_stream(request, "application/x-tar", save_to, references);
}

/* ---- import -------------------------------------------------------------------------------- */

static const char *reference_of(struct request *request)
{
    const char *repository = request_query(request, "repo");
    const char *tag = request_query(request, "tag");

    if (!repository || !*repository)
        return NULL;
    return tag && *tag ? arena_printf(request->arena, "%s:%s", repository, tag) : repository;
}

static int import_image(struct request *request, struct error *e)
{
    char id[ENGINE_IMAGE_ID_SIZE];
    AUTO_CLOSE int tar = open_body(request, e);
    size_t count;
    const char **lines = request_query_all(request, "changes", &count);
    json_t *changes = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(changes, json_string(lines[i]));
    int result = tar < 0 ? -1
                         : engine_image_import(request->engine, tar, reference_of(request), changes,
                                               request_query(request, "message"), id, e);
    json_decref(changes);
    return result < 0 ? -1 : reply_progress(request, "status", id);
}

/* `docker import` and `docker pull` ask here. */
int create_image(struct request *request, struct error *e)
{
    const char *source = request_query(request, "fromSrc");
    const char *image = request_query(request, "fromImage");

    if (source && !strcmp(source, "-"))
        return import_image(request, e);
    if (source && *source)
        return fail(e, EINVAL, "cannot import from %.200s: send the archive", source);
    if (!image || !*image)
        return fail(e, EINVAL, "neither fromImage nor fromSrc was given");
    return fail(e, ENOENT,
                "pull access denied for %.200s: no registry is known, use import or load", image);
}
