#include "api/request.h"

#include <errno.h>
#include <strings.h>

#include "base/text.h"

bool request_flag(const struct request *request, const char *name)
{
    static const char *const untrue[] = {"", "0", "no", "false", "none"};
    const char *value = request_query(request, name);

    for (size_t i = 0; value && i < sizeof(untrue) / sizeof(*untrue); i++)
        if (!strcasecmp(value, untrue[i]))
            return false;
    return value != NULL;
}

int request_number(const struct request *request, const char *name, int64_t fallback,
                   int64_t *value, struct error *e)
{
    const char *text = request_query(request, name);

    *value = fallback;
    if (text && *text && !parse_i64(text, 10, value))
        return fail(e, EINVAL, "invalid value for %s: %.64s", name, text);
    return 0;
}

json_t *request_json(const struct request *request, struct error *e)
{
    json_error_t why;

    if (!request->body_size)
        return json_object();
    json_t *json = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(json))
        return json;
    fail(e, EINVAL, "invalid JSON: %s", json ? "not an object" : why.text);
    json_decref(json);
    return NULL;
}

int request_filters(const struct request *request, json_t **filters, struct error *e)
{
    const char *text = request_query(request, "filters");
    const char *key;
    json_t *value;

    *filters = NULL;
    if (!text || !*text)
        return 0;
    json_t *json = json_loads(text, 0, NULL);
    bool valid = json_is_object(json);
    json_object_foreach (json, key, value)
        valid = valid && (json_is_array(value) || json_is_object(value));
    if (!valid) {
        json_decref(json);
        return fail(e, EINVAL, "invalid filter: %.200s", text);
    }
    *filters = json;
    return 0;
}
