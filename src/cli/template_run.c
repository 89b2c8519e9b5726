#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cli/template.h"
#include "cli/template_functions.h"

struct variable {
    const char *name;
    json_t *value;
};

/* One run. Values are borrowed: those that are not part of the data are held by `made`. */
struct run {
    struct arena *arena;
    json_t *made;
    json_t *root;
    struct {
        struct variable *items;
        size_t count, capacity;
    } variables;  /* in scope, the innermost last */
    bool lenient; /* what is not there is null and no error: conditions ask for it */
    FILE *out;
    struct error *e;
};

enum flow { FLOW_ERROR = -1, FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static json_t *keep(struct run *run, json_t *value)
{
    if (value)
        json_array_append_new(run->made, value);
    return value;
}

static json_t *fail_at(struct run *run, const char *field, const char *why)
{
    fail(run->e, EINVAL, "template parsing error: template: at <.%s>: %s", field, why);
    return NULL;
}

/* Go's names and those of the JSON differ in case: .ID is "Id". */
static json_t *find_member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    const char *key;
    json_t *other;
    if (value)
        return value;
    json_object_foreach (object, key, other) {
        if (strcasecmp(key, name) == 0)
            return other;
    }
    return NULL;
}

static json_t *get_field(struct run *run, json_t *value, const char *name)
{
    json_t *member = find_member(value, name);
    if (member)
        return member;
    if (run->lenient)
        return json_null();
    if (json_is_object(value))
        return fail_at(run, name,
                       arena_printf(run->arena, "map has no entry for key \"%s\"", name));
    return fail_at(run, name, "can't evaluate a field in what has none");
}

static json_t *get_variable(struct run *run, const char *name)
{
    if (!*name)
        return run->root;
    for (size_t i = run->variables.count; i > 0; i--) {
        if (strcmp(run->variables.items[i - 1].name, name) == 0)
            return run->variables.items[i - 1].value;
    }
    fail(run->e, EINVAL, "template parsing error: template: undefined variable \"$%s\"", name);
    return NULL;
}

static void set_variable(struct run *run, const char *name, json_t *value, bool declare)
{
    for (size_t i = run->variables.count; !declare && i > 0; i--) {
        if (strcmp(run->variables.items[i - 1].name, name) == 0) {
            run->variables.items[i - 1].value = value;
            return;
        }
    }
    *vec_push(run->arena, &run->variables) = (struct variable){name, value};
}

static json_t *run_pipeline(struct run *run, const struct pipeline *pipeline, json_t *dot);

static json_t *call_function(struct run *run, const char *name, json_t **arguments, size_t count);

static json_t *start_of_term(struct run *run, const struct term *term, json_t *dot)
{
    switch (term->kind) {
    case TERM_DOT:
        return dot;
    case TERM_VARIABLE:
        return get_variable(run, term->name);
    case TERM_LITERAL:
        return term->literal;
    case TERM_PIPELINE:
        return run_pipeline(run, term->pipeline, dot);
    case TERM_FUNCTION:
        return call_function(run, term->name, NULL, 0);
    }
    return NULL;
}

static json_t *term_value(struct run *run, const struct term *term, json_t *dot)
{
    json_t *value = start_of_term(run, term, dot);
    for (size_t i = 0; value && i < term->fields.count; i++)
        value = get_field(run, value, term->fields.items[i]);
    return value;
}

static json_t *call_function(struct run *run, const char *name, json_t **arguments, size_t count)
{
    const struct template_function *function = find_template_function(name);
    if (!function) {
        fail(run->e, EINVAL, "template parsing error: template: function \"%s\" not defined", name);
        return NULL;
    }
    if (count < function->least || count > function->most) {
        fail(run->e, EINVAL, "template parsing error: template: wrong number of args for %s: %zu",
             name, count);
        return NULL;
    }
    struct function_call call = {run->arena, arguments, count, run->e};
    json_t *result = function->call(&call);
    if (!result)
        fail_in(run->e, "template parsing error: template: error calling %s", name);
    return keep(run, result);
}

/* {{.Label "key"}} is the one method of Docker's rows. */
static json_t *call_method(struct run *run, const struct term *method, json_t **arguments,
                           size_t count, json_t *dot)
{
    const char *name = method->fields.count == 1 ? method->fields.items[0] : "";
    const char *key = count == 1 ? json_string_value(arguments[0]) : NULL;
    if (strcmp(name, "Label") != 0 || !key || method->kind != TERM_DOT)
        return fail_at(run, name, "has arguments but cannot be invoked as function");
    json_t *label = json_object_get(json_object_get(dot, " labels"), key);
    return label ? label : keep(run, json_string(""));
}

/* `piped` is the value that comes through a pipe, or NULL. */
static json_t *run_call(struct run *run, const struct call *call, json_t *piped, json_t *dot)
{
    const struct term *first = &call->items[0];
    json_t **arguments = arena_alloc(run->arena, (call->count + 1) * sizeof(*arguments));
    size_t count = 0;
    for (size_t i = 1; i < call->count; i++) {
        json_t *value = term_value(run, &call->items[i], dot);
        if (!value)
            return NULL;
        arguments[count++] = value;
    }
    if (piped)
        arguments[count++] = piped;
    if (first->kind == TERM_FUNCTION)
        return call_function(run, first->name, arguments, count);
    if (count == 0)
        return term_value(run, first, dot);
    return call_method(run, first, arguments, count, dot);
}

static json_t *run_pipeline(struct run *run, const struct pipeline *pipeline, json_t *dot)
{
    json_t *value = NULL;
    for (size_t i = 0; i < pipeline->calls.count; i++) {
        value = run_call(run, &pipeline->calls.items[i], value, dot);
        if (!value)
            return NULL;
    }
    return value;
}

static enum flow run_nodes(struct run *run, const struct node *node, json_t *dot);

static enum flow run_print(struct run *run, const struct node *node, json_t *dot)
{
    const struct pipeline *pipeline = node->pipeline;
    json_t *value = run_pipeline(run, pipeline, dot);
    if (!value)
        return FLOW_ERROR;
    if (pipeline->variables.count > 0)
        set_variable(run, pipeline->variables.items[0], value, pipeline->declares);
    else
        fputs(value_text(run->arena, value), run->out);
    return FLOW_ON;
}

/* {{if}} and {{with}}. Docker's structures have fields that the JSON leaves out when they are
 * empty; a condition may ask for them. */
static enum flow run_condition(struct run *run, const struct node *node, json_t *dot)
{
    bool was_lenient = run->lenient;
    run->lenient = true;
    json_t *value = run_pipeline(run, node->pipeline, dot);
    run->lenient = was_lenient;
    if (!value)
        return FLOW_ERROR;
    if (node->pipeline->variables.count > 0)
        set_variable(run, node->pipeline->variables.items[0], value, true);
    if (!value_truth(value))
        return run_nodes(run, node->otherwise, dot);
    return run_nodes(run, node->body, node->kind == NODE_WITH ? value : dot);
}

static enum flow run_turn(struct run *run, const struct node *node, json_t *key, json_t *value)
{
    const struct names *names = &node->pipeline->variables;
    size_t scope = run->variables.count;
    if (names->count > 1)
        set_variable(run, names->items[0], key, true);
    if (names->count > 0)
        set_variable(run, names->items[names->count > 1], value, true);
    enum flow flow = run_nodes(run, node->body, value);
    run->variables.count = scope;
    return flow;
}

static enum flow run_range(struct run *run, const struct node *node, json_t *dot)
{
    json_t *list = run_pipeline(run, node->pipeline, dot);
    if (!list)
        return FLOW_ERROR;
    if (!json_is_array(list) && !json_is_object(list) && !json_is_null(list)) {
        fail(run->e, EINVAL, "template parsing error: template: range can't iterate over %s",
             value_text(run->arena, list));
        return FLOW_ERROR;
    }
    if (!value_truth(list))
        return run_nodes(run, node->otherwise, dot);
    size_t count = json_array_size(list);
    const char **keys = json_is_object(list) ? sorted_keys(run->arena, list, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        json_t *key = keep(run, keys ? json_string(keys[i]) : json_integer((json_int_t)i));
        json_t *value = keys ? json_object_get(list, keys[i]) : json_array_get(list, i);
        enum flow flow = run_turn(run, node, key, value);
        if (flow == FLOW_ERROR)
            return flow;
        if (flow == FLOW_BREAK)
            break;
    }
    return FLOW_ON;
}

static enum flow run_node(struct run *run, const struct node *node, json_t *dot)
{
    switch (node->kind) {
    case NODE_TEXT:
        fputs(node->text, run->out);
        return FLOW_ON;
    case NODE_PRINT:
        return run_print(run, node, dot);
    case NODE_IF:
    case NODE_WITH:
        return run_condition(run, node, dot);
    case NODE_RANGE:
        return run_range(run, node, dot);
    case NODE_BREAK:
        return FLOW_BREAK;
    case NODE_CONTINUE:
        return FLOW_CONTINUE;
    }
    return FLOW_ERROR;
}

static enum flow run_nodes(struct run *run, const struct node *node, json_t *dot)
{
    size_t scope = run->variables.count;
    enum flow flow = FLOW_ON;
    for (; node && flow == FLOW_ON; node = node->next)
        flow = run_node(run, node, dot);
    run->variables.count = scope;
    return flow;
}

int template_print(const struct template *parsed, json_t *data, FILE *out, struct error *e)
{
    struct arena *arena = arena_new();
    struct run run = {.arena = arena, .made = json_array(), .root = data, .out = out, .e = e};
    enum flow flow = run_nodes(&run, parsed->nodes, data);
    json_decref(run.made);
    arena_free(arena);
    return flow == FLOW_ERROR ? -1 : 0;
}
