/* Scripts as text. */
#include <string.h>

#include "script/script.h"

static char *print_op(struct arena *arena, const struct script_op *op)
{
    static const char *const kinds[] = {"call", "wait", "post", "end"};
    if (op->kind == 0)
        return arena_printf(
            arena, "%s: syscall %llu(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx) = %lld\n", op->words,
            (unsigned long long)op->number, (unsigned long long)op->argument[0],
            (unsigned long long)op->argument[1], (unsigned long long)op->argument[2],
            (unsigned long long)op->argument[3], (unsigned long long)op->argument[4],
            (unsigned long long)op->argument[5], (long long)op->result);
    if (op->kind == 3)
        return arena_strdup(arena, "end\n");
    return arena_printf(arena, "%s: %s %#llx %llu\n", op->words, kinds[op->kind & 3],
                        (unsigned long long)op->argument[0], (unsigned long long)op->argument[1]);
}

char *script_print(struct arena *arena, const struct script *script)
{
    VEC(char) text = {0};
    for (uint64_t at = script->head->first; at;) {
        const struct script_op *op = script_local(script->area, at);
        for (const char *line = print_op(arena, op); *line; line++)
            vec_add(arena, &text, *line);
        at = op->next;
    }
    vec_add(arena, &text, 0);
    return text.items;
}
