/* Which handler answers which method and path. */
#ifndef STASIS_API_ROUTER_H
#define STASIS_API_ROUTER_H

#include "api/request.h"

struct route {
    const char *method;
    const char *pattern; /* {} is one component of the path, {*} one or more */
    handler *handle;
    bool streams_body; /* the handler reads request->body_fd while the body arrives */
};

/* Takes the version off request->path, finds the first route that fits in `routes` (which ends with
 * one without a method) and fills request->version and ->params. NULL after it has answered:
 * unknown path, or a version that is not spoken. */
const struct route *router_find(const struct route *routes, struct request *request);

/* Does `path` fit `pattern`? Fills params[0..3] from the arena. */
bool router_matches(const char *pattern, const char *path, struct arena *arena,
                    const char *params[4]);

#endif
