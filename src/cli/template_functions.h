/* Functions that a template may call, and how Go prints values. */
#ifndef STASIS_CLI_TEMPLATE_FUNCTIONS_H
#define STASIS_CLI_TEMPLATE_FUNCTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/* What a function is given; its result is a new reference. */
struct function_call {
    struct arena *arena;
    json_t *const *arguments;
    size_t count;
    struct error *e;
};

struct template_function {
    const char *name;
    size_t least, most; /* arguments */
    json_t *(*call)(const struct function_call *call);
};

/* NULL when there is no function of this name. */
const struct template_function *find_template_function(const char *name);

/* What {{.X}} prints. */
const char *value_text(struct arena *arena, const json_t *value);

/* What {{if .X}} takes for true: all but false, null, zero and what is empty. */
bool value_truth(const json_t *value);

/* The keys of an object in order, as Go walks them. */
const char **sorted_keys(struct arena *arena, json_t *object, size_t *count);

#endif
