#include "cli/template_functions.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **sorted_keys(struct arena *arena, json_t *object, size_t *count)
{
    const char **keys = arena_alloc(arena, (json_object_size(object) + 1) * sizeof(*keys));
    const char *key;
    json_t *value;
    *count = 0;
    json_object_foreach (object, key, value)
        keys[(*count)++] = key;
    qsort(keys, *count, sizeof(*keys), compare_texts);
    return keys;
}

static const char *list_text(struct arena *arena, const json_t *list)
{
    const char *text = "";
    for (size_t i = 0; i < json_array_size(list); i++)
        text = arena_printf(arena, "%s%s%s", text, i ? " " : "",
                            value_text(arena, json_array_get(list, i)));
    return arena_printf(arena, "[%s]", text);
}

static const char *map_text(struct arena *arena, const json_t *map)
{
    size_t count;
    const char **keys = sorted_keys(arena, (json_t *)map, &count);
    const char *text = "";
    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s%s:%s", text, i ? " " : "", keys[i],
                            value_text(arena, json_object_get(map, keys[i])));
    return arena_printf(arena, "map[%s]", text);
}

const char *value_text(struct arena *arena, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return map_text(arena, value);
    case JSON_ARRAY:
        return list_text(arena, value);
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return arena_printf(arena, "%g", json_real_value(value));
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL: /* nearly always a list in Docker's structures, which Go prints so */
        break;
    }
    return "[]";
}

bool value_truth(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_object_size(value) > 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return json_number_value(value) != 0;
    default:
        return json_is_true(value);
    }
}

static json_t *refuse(const struct function_call *call, const char *why)
{
    fail(call->e, EINVAL, "%s", why);
    return NULL;
}

static const char *text_argument(const struct function_call *call, size_t i)
{
    const char *text = json_string_value(call->arguments[i]);
    if (!text)
        fail(call->e, EINVAL, "expected a string, not %s",
             value_text(call->arena, call->arguments[i]));
    return text;
}

static json_t *to_json(const struct function_call *call)
{
    char *text = json_dumps(call->arguments[0], JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *result = json_string(text);
    free(text);
    return result;
}

static json_t *to_length(const struct function_call *call)
{
    const json_t *value = call->arguments[0];
    if (json_is_string(value))
        return json_integer((json_int_t)json_string_length(value));
    if (json_is_array(value))
        return json_integer((json_int_t)json_array_size(value));
    if (json_is_object(value))
        return json_integer((json_int_t)json_object_size(value));
    return json_is_null(value) ? json_integer(0) : refuse(call, "len of what has no length");
}

/* A key that a map does not have gives an empty string: nearly all of Docker's maps hold strings.
 */
static json_t *index_once(const struct function_call *call, json_t *value, const json_t *key)
{
    if (json_is_object(value) && json_is_string(key)) {
        json_t *found = json_object_get(value, json_string_value(key));
        return found ? json_incref(found) : json_string("");
    }
    if (json_is_null(value) && json_is_string(key))
        return json_string("");
    if (!json_is_array(value) || !json_is_integer(key))
        return refuse(call, "cannot index this with that");
    json_int_t at = json_integer_value(key);
    if (at < 0 || at >= (json_int_t)json_array_size(value))
        return refuse(call, "index out of range");
    return json_incref(json_array_get(value, (size_t)at));
}

static json_t *do_index(const struct function_call *call)
{
    json_t *value = json_incref(call->arguments[0]);
    for (size_t i = 1; value && i < call->count; i++) {
        json_t *next = index_once(call, value, call->arguments[i]);
        json_decref(value);
        value = next;
    }
    return value;
}

static json_t *do_slice(const struct function_call *call)
{
    json_int_t from = json_integer_value(call->arguments[1]);
    const char *text = json_string_value(call->arguments[0]);
    json_int_t size =
        text ? (json_int_t)strlen(text) : (json_int_t)json_array_size(call->arguments[0]);
    json_int_t to = call->count > 2 ? json_integer_value(call->arguments[2]) : size;
    if (from < 0 || from > to || to > size)
        return refuse(call, "slice index out of range");
    if (text)
        return json_stringn(text + from, (size_t)(to - from));
    json_t *result = json_array();
    for (; from < to; from++)
        json_array_append(result, json_array_get(call->arguments[0], (size_t)from));
    return result;
}

static json_t *do_join(const struct function_call *call)
{
    const char *separator = text_argument(call, 1);
    if (!separator)
        return NULL;
    if (!json_is_array(call->arguments[0]) && !json_is_null(call->arguments[0]))
        return refuse(call, "expected a list");
    const char *text = "";
    for (size_t i = 0; i < json_array_size(call->arguments[0]); i++)
        text = arena_printf(call->arena, "%s%s%s", text, i ? separator : "",
                            value_text(call->arena, json_array_get(call->arguments[0], i)));
    return json_string(text);
}

static json_t *do_split(const struct function_call *call)
{
    const char *text = text_argument(call, 0);
    const char *separator = text_argument(call, 1);
    if (!text || !separator)
        return NULL;
    json_t *list = json_array();
    for (const char *found; *separator && (found = strstr(text, separator));) {
        json_array_append_new(list, json_stringn(text, (size_t)(found - text)));
        text = found + strlen(separator);
    }
    json_array_append_new(list, json_string(text));
    return list;
}

static json_t *with_letters(const struct function_call *call, int (*change)(int), bool first_only)
{
    const char *given = text_argument(call, 0);
    if (!given)
        return NULL;
    char *text = arena_strdup(call->arena, given);
    for (char *at = text; *at; at++) {
        if (!first_only || at == text || isspace((unsigned char)at[-1]))
            *at = (char)change((unsigned char)*at);
    }
    return json_string(text);
}

static json_t *to_upper(const struct function_call *call)
{
    return with_letters(call, toupper, false);
}

static json_t *to_lower(const struct function_call *call)
{
    return with_letters(call, tolower, false);
}

static json_t *to_title(const struct function_call *call)
{
    return with_letters(call, toupper, true);
}

static json_t *do_truncate(const struct function_call *call)
{
    const char *text = text_argument(call, 0);
    json_int_t size = json_integer_value(call->arguments[1]);
    if (!text)
        return NULL;
    return json_stringn(text, size < 0 ? 0 : strnlen(text, (size_t)size));
}

static json_t *do_pad(const struct function_call *call)
{
    const char *text = text_argument(call, 0);
    json_int_t before = json_integer_value(call->arguments[1]);
    json_int_t after = json_integer_value(call->arguments[2]);
    if (!text)
        return NULL;
    if (before < 0 || after < 0 || before > 10000 || after > 10000)
        return refuse(call, "pad with that many spaces");
    return json_string(
        *text ? arena_printf(call->arena, "%*s%s%*s", (int)before, "", text, (int)after, "") : "");
}

static const char *print_all(const struct function_call *call, const char *separator)
{
    const char *text = "";
    for (size_t i = 0; i < call->count; i++)
        text = arena_printf(call->arena, "%s%s%s", text, i ? separator : "",
                            value_text(call->arena, call->arguments[i]));
    return text;
}

static json_t *do_print(const struct function_call *call)
{
    return json_string(print_all(call, ""));
}

static json_t *do_println(const struct function_call *call)
{
    return json_string(arena_printf(call->arena, "%s\n", print_all(call, " ")));
}

/* One verb of printf; `flags` is what stands between the per cent sign and the letter. */
static const char *format_verb(const struct function_call *call, const char *flags, char verb,
                               const json_t *value)
{
    struct arena *arena = call->arena;
    long width = strtol(flags + strspn(flags, "-+# 0"), NULL, 10);
    if (width > 1000 || strlen(flags) > 20)
        return "%!(BADWIDTH)";
    if (strchr("dxXo", verb) && json_is_integer(value)) {
        char format[32];
        snprintf(format, sizeof(format), "%%%sll%c", flags, verb);
        return arena_printf(arena, format, json_integer_value(value));
    }
    if (strchr("feg", verb) && json_is_number(value)) {
        char format[32];
        snprintf(format, sizeof(format), "%%%s%c", flags, verb);
        return arena_printf(arena, format, json_number_value(value));
    }
    const char *text = value_text(arena, value);
    if (verb == 'q' && json_is_string(value)) {
        char *quoted = json_dumps(value, JSON_ENCODE_ANY);
        text = arena_strdup(arena, quoted);
        free(quoted);
    } else if (!strchr("svtq", verb)) {
        return arena_printf(arena, "%%!%c(%s)", verb, text);
    }
    const char *point = strchr(flags, '.');
    int precision = point ? (int)strtol(point + 1, NULL, 10) : -1;
    return *flags == '-' ? arena_printf(arena, "%-*.*s", (int)width, precision, text)
                         : arena_printf(arena, "%*.*s", (int)width, precision, text);
}

static json_t *do_printf(const struct function_call *call)
{
    const char *format = text_argument(call, 0);
    if (!format)
        return NULL;
    const char *text = "";
    size_t next = 1;
    while (*format) {
        size_t plain = strcspn(format, "%");
        text = arena_printf(call->arena, "%s%.*s", text, (int)plain, format);
        format += plain;
        if (!*format)
            break;
        size_t length = strspn(++format, "-+# 0123456789.");
        char verb = format[length];
        const char *piece = verb == '%' ? "%" : "%!(MISSING)";
        if (verb && verb != '%' && next < call->count)
            piece = format_verb(call, arena_strndup(call->arena, format, length), verb,
                                call->arguments[next++]);
        text = arena_printf(call->arena, "%s%s", text, piece);
        format += length + (verb != 0);
    }
    return json_string(text);
}

static json_t *do_not(const struct function_call *call)
{
    return json_boolean(!value_truth(call->arguments[0]));
}

static json_t *do_and(const struct function_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (!value_truth(call->arguments[i]))
            return json_incref(call->arguments[i]);
    }
    return json_incref(call->arguments[call->count - 1]);
}

static json_t *do_or(const struct function_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (value_truth(call->arguments[i]))
            return json_incref(call->arguments[i]);
    }
    return json_incref(call->arguments[call->count - 1]);
}

static json_t *do_eq(const struct function_call *call)
{
    for (size_t i = 1; i < call->count; i++) {
        if (json_equal(call->arguments[0], call->arguments[i]))
            return json_true();
    }
    return json_false();
}

static json_t *do_ne(const struct function_call *call)
{
    return json_boolean(!json_equal(call->arguments[0], call->arguments[1]));
}

/* Below, at or above zero as the first argument is to the second. False when they do not compare.
 */
static bool order(const struct function_call *call, double *difference)
{
    const json_t *a = call->arguments[0], *b = call->arguments[1];
    if (json_is_number(a) && json_is_number(b))
        *difference = json_number_value(a) - json_number_value(b);
    else if (json_is_string(a) && json_is_string(b))
        *difference = (double)strcmp(json_string_value(a), json_string_value(b));
    else
        return refuse(call, "incompatible types for comparison") != NULL;
    return true;
}

static json_t *do_lt(const struct function_call *call)
{
    double difference;
    return order(call, &difference) ? json_boolean(difference < 0) : NULL;
}

static json_t *do_le(const struct function_call *call)
{
    double difference;
    return order(call, &difference) ? json_boolean(difference <= 0) : NULL;
}

static json_t *do_gt(const struct function_call *call)
{
    double difference;
    return order(call, &difference) ? json_boolean(difference > 0) : NULL;
}

static json_t *do_ge(const struct function_call *call)
{
    double difference;
    return order(call, &difference) ? json_boolean(difference >= 0) : NULL;
}

#define MANY ((size_t)-1)

static const struct template_function functions[] = {
    {"json", 1, 1, to_json},
    {"len", 1, 1, to_length},
    {"index", 1, MANY, do_index},
    {"slice", 2, 3, do_slice},
    {"join", 2, 2, do_join},
    {"split", 2, 2, do_split},
    {"upper", 1, 1, to_upper},
    {"lower", 1, 1, to_lower},
    {"title", 1, 1, to_title},
    {"truncate", 2, 2, do_truncate},
    {"pad", 3, 3, do_pad},
    {"print", 0, MANY, do_print},
    {"println", 0, MANY, do_println},
    {"printf", 1, MANY, do_printf},
    {"not", 1, 1, do_not},
    {"and", 1, MANY, do_and},
    {"or", 1, MANY, do_or},
    {"eq", 2, MANY, do_eq},
    {"ne", 2, 2, do_ne},
    {"lt", 2, 2, do_lt},
    {"le", 2, 2, do_le},
    {"gt", 2, 2, do_gt},
    {"ge", 2, 2, do_ge},
};

const struct template_function *find_template_function(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    }
    return NULL;
}
