/* The networks that always are. */
#include <errno.h>
#include <string.h>

#include "api/routes.h"

static const struct network {
    const char *name, *driver, *id;
} networks[] = {
    {"bridge", "bridge", "b71d6e0000000000000000000000000000000000000000000000000000000001"},
    {"host", "host", "4057000000000000000000000000000000000000000000000000000000000002"},
    {"none", "null", "e000000000000000000000000000000000000000000000000000000000000003"},
};

enum { NETWORK_COUNT = sizeof(networks) / sizeof(*networks) };

static json_t *describe(const struct network *network)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:{s:s, s:{}, s:[]}, s:b, s:b, s:b, s:{s:s}, "
                     "s:b, s:{}, s:{}, s:{}}",
                     "Name", network->name, "Id", network->id, "Created", "1970-01-01T00:00:00Z",
                     "Scope", "local", "Driver", network->driver, "EnableIPv6", 0, "IPAM", "Driver",
                     "default", "Options", "Config", "Internal", 0, "Attachable", 0, "Ingress", 0,
                     "ConfigFrom", "Network", "", "ConfigOnly", 0, "Containers", "Options",
                     "Labels");
}

/* Does a filter allow the value? Docker sends {"name":{"x":true}}, older clients {"name":["x"]}. */
static bool allowed(const json_t *filters, const char *key, const char *value)
{
    const json_t *filter = json_object_get(filters, key);
    size_t index;
    json_t *item;

    if (!filter)
        return true;
    if (json_is_object(filter))
        return json_object_get(filter, value) != NULL;
    json_array_foreach (filter, index, item)
        if (json_is_string(item) && !strcmp(json_string_value(item), value))
            return true;
    return false;
}

int list_networks(struct request *request, struct error *e)
{
    json_t *filters;
    json_t *list = json_array();

    if (request_filters(request, &filters, e) < 0) {
        json_decref(list);
        return -1;
    }
    for (int i = 0; i < NETWORK_COUNT; i++)
        if (allowed(filters, "name", networks[i].name) && allowed(filters, "id", networks[i].id) &&
            allowed(filters, "driver", networks[i].driver))
            json_array_append_new(list, describe(&networks[i]));
    json_decref(filters);
    return reply_json(request, 200, list);
}

int inspect_network(struct request *request, struct error *e)
{
    const char *wanted = request->params[0];

    for (int i = 0; i < NETWORK_COUNT; i++)
        if (!strcmp(wanted, networks[i].name) || !strcmp(wanted, networks[i].id))
            return reply_json(request, 200, describe(&networks[i]));
    return fail(e, ENOENT, "network %.200s not found", wanted);
}
