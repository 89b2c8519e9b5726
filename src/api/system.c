/* What the engine says about itself. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "api/routes.h"
#include "engine/engine.h"

int ping(struct request *request, struct error *e)
{
    (void)e;
    return reply_text(request, 200, "text/plain; charset=utf-8", "OK");
}

/* Docker's clients print the first component where there is one. */
static json_t *describe_program(const json_t *version)
{
    static const char *const keys[] = {"Arch",      "BuildTime", "Experimental", "GitCommit",
                                       "GoVersion", "Os",        "KernelVersion"};
    json_t *details = json_pack("{s:s, s:s}", "ApiVersion", API_VERSION_TEXT, "MinAPIVersion",
                                API_VERSION_MIN_TEXT);

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const json_t *value = json_object_get(version, keys[i]);
        json_object_set_new(details, keys[i],
                            json_is_boolean(value)
                                ? json_string(json_is_true(value) ? "true" : "false")
                                : json_string(value ? json_string_value(value) : ""));
    }
    return json_pack("{s:s, s:O, s:o}", "Name", "Engine", "Version",
                     json_object_get(version, "Version"), "Details", details);
}

int show_version(struct request *request, struct error *e)
{
    json_t *version = engine_version(request->engine, e);
    if (!version)
        return -1;
    json_object_set_new(version, "ApiVersion", json_string(API_VERSION_TEXT));
    json_object_set_new(version, "MinAPIVersion", json_string(API_VERSION_MIN_TEXT));
    json_object_set_new(version, "Components", json_pack("[o]", describe_program(version)));
    return reply_json(request, 200, version);
}

int show_info(struct request *request, struct error *e)
{
    json_t *info = engine_info(request->engine, e);
    return info ? reply_json(request, 200, info) : -1;
}

int show_disk_usage(struct request *request, struct error *e)
{
    struct engine_list every = {.all = true, .size = true};
    json_t *images = engine_image_list(request->engine, NULL, false, e);
    json_t *containers = images ? engine_container_list(request->engine, &every, e) : NULL;
    json_t *volumes = containers ? engine_volume_list(request->engine, NULL, e) : NULL;
    int result = -1;

    if (volumes)
        result = reply_json(request, 200,
                            json_pack("{s:i, s:O, s:O, s:O, s:[]}", "LayersSize", 0, "Images",
                                      images, "Containers", containers, "Volumes",
                                      json_object_get(volumes, "Volumes"), "BuildCache"));
    json_decref(images);
    json_decref(containers);
    json_decref(volumes);
    return result;
}

struct events {
    int64_t until; /* seconds since 1970; 0: for ever */
};

/* No events are told yet: the stream stays silent until it is over. */
static int wait_until_over(struct request *request, const struct stream *stream, void *context,
                           struct error *e)
{
    const struct events *events = context;
    struct pollfd cancel = {.fd = stream->cancel, .events = POLLIN};
    int64_t left = events->until - time(NULL);
    int timeout = left <= 0 ? 0 : left > 1000000 ? 1000000000 : (int)left * 1000;

    (void)request, (void)e;
    while (poll(&cancel, 1, events->until ? timeout : -1) < 0 && errno == EINTR)
        ;
    return 0;
}

int follow_events(struct request *request, struct error *e)
{
    struct events *events = arena_alloc(request->arena, sizeof(*events));

    if (request_number(request, "until", 0, &events->until, e) < 0)
        return -1;
    return reply_stream(request, "application/json", wait_until_over, events);
}

int list_plugins(struct request *request, struct error *e)
{
    (void)e;
    return reply_json(request, 200, json_array());
}
