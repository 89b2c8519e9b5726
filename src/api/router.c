#include "api/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool match_from(const char *pattern, const char *path, struct arena *arena,
                       const char *params[4], int index)
{
    while (*pattern && *pattern != '{') {
        if (*pattern++ != *path++)
            return false;
    }
    if (!*pattern)
        return !*path;
    bool greedy = starts_with(pattern, "{*}");
    const char *rest = pattern + (greedy ? 3 : 2);
    for (size_t length = 1; path[length - 1]; length++) {
        if (!greedy && path[length - 1] == '/')
            return false;
        if (index < 4 && match_from(rest, path + length, arena, params, index + 1)) {
            params[index] = arena_strndup(arena, path, length);
            return true;
        }
    }
    return false;
}

bool router_matches(const char *pattern, const char *path, struct arena *arena,
                    const char *params[4])
{
    return match_from(pattern, path, arena, params, 0);
}

/* `/v1.41/...`: false without a version. */
static bool take_version(struct request *request, unsigned *major, unsigned *minor)
{
    const char *text = request->path;
    char *end;

    if (!starts_with(text, "/v") || text[2] < '0' || text[2] > '9')
        return false;
    *major = (unsigned)strtoul(text + 2, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9')
        return false;
    *minor = (unsigned)strtoul(end + 1, &end, 10);
    if (*end != '/')
        return false;
    request->path = end;
    return true;
}

static bool version_is_spoken(struct request *request)
{
    unsigned major = 1, minor = API_VERSION_MAX;

    request->version = API_VERSION_MAX;
    if (!take_version(request, &major, &minor))
        return true;
    if (major > 1 || (major == 1 && minor > API_VERSION_MAX)) {
        reply_message(request, 400,
                      "client version %u.%u is too new. Maximum supported API version is %s", major,
                      minor, API_VERSION_TEXT);
        return false;
    }
    if (major < 1 || minor < API_VERSION_MIN) {
        reply_message(
            request, 400,
            "client version %u.%u is too old. Minimum supported API version is %s, please "
            "upgrade your client to a newer version",
            major, minor, API_VERSION_MIN_TEXT);
        return false;
    }
    request->version = (int)minor;
    return true;
}

const struct route *router_find(const struct route *routes, struct request *request)
{
    if (!version_is_spoken(request))
        return NULL;
    for (const struct route *route = routes; route->method; route++) {
        if (!strcmp(route->method, request->method) &&
            router_matches(route->pattern, request->path, request->arena, request->params))
            return route;
    }
    reply_message(request, 404, "page not found");
    return NULL;
}
