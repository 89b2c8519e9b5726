#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "api/request.h"

static int reply_with(struct request *request, int status, const char *content_type,
                      const char *body, size_t size)
{
    request->reply = (struct reply){.kind = REPLY_BODY,
                                    .status = status,
                                    .content_type = content_type,
                                    .body = body,
                                    .body_size = size};
    return 0;
}

int reply_empty(struct request *request, int status)
{
    return reply_with(request, status, NULL, "", 0);
}

int reply_text(struct request *request, int status, const char *content_type, const char *text)
{
    return reply_with(request, status, content_type, arena_strdup(request->arena, text),
                      strlen(text));
}

/* The text ends in a newline, as Docker's does. */
int reply_json(struct request *request, int status, json_t *json)
{
    size_t size = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
    char *text = arena_alloc(request->arena, size + 2);

    json_dumpb(json, text, size, JSON_COMPACT);
    json_decref(json);
    text[size] = '\n';
    return reply_with(request, status, "application/json", text, size + 1);
}

int reply_message(struct request *request, int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const char *text = arena_vprintf(request->arena, format, arguments);
    va_end(arguments);
    json_t *json = json_object();
    if (json_object_set_new(json, "message", json_string(text)) < 0)
        json_object_set_new(json, "message", json_string("error text is not UTF-8"));
    return reply_json(request, status, json);
}

static int status_of(int code)
{
    switch (code) {
    case ENOENT:
        return 404;
    case EINVAL:
        return 400;
    case EEXIST:
    case EBUSY:
        return 409;
    case EALREADY:
        return 304;
    default:
        return 500;
    }
}

int reply_error(struct request *request, const struct error *e)
{
    int status = status_of(e->code);

    if (status == 304)
        return reply_empty(request, status);
    return reply_message(request, status, "%s", e->text);
}

int reply_stream(struct request *request, const char *content_type, stream_writer *writer,
                 void *context)
{
    request->reply = (struct reply){.kind = REPLY_STREAM,
                                    .status = 200,
                                    .content_type = content_type,
                                    .writer = writer,
                                    .context = context};
    return 0;
}

int reply_hijack(struct request *request, const char *content_type, stream_writer *writer,
                 void *context)
{
    reply_stream(request, content_type, writer, context);
    request->reply.kind = REPLY_HIJACK;
    return 0;
}
