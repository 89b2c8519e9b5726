#include "script/script.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

extern const unsigned char stasis_runner_begin[], stasis_runner_end[];
_Noreturn void stasis_runner_enter(uint64_t code, uint64_t head);

enum { OP_CALL = 0, OP_WAIT = 1, OP_POST = 2, OP_END = 3 };

size_t script_runner_size(void)
{
    return (size_t)(stasis_runner_end - stasis_runner_begin);
}

int script_area_init(struct script_area *area, struct error *e)
{
    size_t code = script_runner_size();
    if (area->size < code)
        return fail(e, ENOSPC, "script area of %zu bytes is too small for the runner", area->size);
    memcpy(area->local, stasis_runner_begin, code);
    area->used = (code + 63) & ~(size_t)63;
    return 0;
}

void *script_room(struct script_area *area, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (area->used > area->size || size > area->size - area->used) {
        area->used = area->size + 1; /* remembered as overflown */
        return NULL;
    }
    void *room = area->local + area->used;
    area->used += size;
    memset(room, 0, size);
    return room;
}

uint64_t script_remote(const struct script_area *area, const void *local)
{
    return area->remote + (uint64_t)((const unsigned char *)local - area->local);
}

void *script_local(const struct script_area *area, uint64_t remote)
{
    return area->local + (remote - area->remote);
}

uint64_t script_data(struct script_area *area, const void *data, size_t size)
{
    void *room = script_room(area, size ? size : 1);
    if (!room)
        return 0;
    if (size)
        memcpy(room, data, size);
    return script_remote(area, room);
}

int script_begin(struct script *script, struct script_area *area, bool trap, struct error *e)
{
    script->area = area;
    script->last = NULL;
    script->head = script_room(area, sizeof(*script->head));
    if (!script->head)
        return fail(e, ENOSPC, "script area of %zu bytes is full", area->size);
    script->head->trap = trap;
    return 0;
}

static struct script_op *add_op(struct script *script, const char *words, uint32_t kind)
{
    struct script_op *op = script_room(script->area, sizeof(*op));
    /* Where the area is full, callers still get an op to fill; script_end reports it. */
    if (!op) {
        script->overflow = (struct script_op){0};
        return &script->overflow;
    }
    op->kind = kind;
    op->words = words;
    uint64_t address = script_remote(script->area, op);
    if (script->last)
        script->last->next = address;
    else
        script->head->first = address;
    script->last = op;
    return op;
}

struct script_op *script_call6(struct script *script, const char *words, long number,
                               const uint64_t argument[6])
{
    struct script_op *op = add_op(script, words, OP_CALL);
    op->number = (uint64_t)number;
    memcpy(op->argument, argument, sizeof(op->argument));
    return op;
}

struct script_op *script_must_succeed(struct script_op *op)
{
    op->demand = DEMAND_SUCCESS;
    return op;
}

struct script_op *script_must_be(struct script_op *op, int64_t wanted)
{
    op->demand = DEMAND_EXACTLY;
    op->wanted = wanted;
    return op;
}

void script_result_into(struct script_area *area, struct script_op *op, struct script_op *later,
                        unsigned n)
{
    op->forward = script_remote(area, &later->argument[n]);
}

struct script_op *script_wait_until(struct script *script, const char *words, uint64_t word,
                                    uint32_t value)
{
    struct script_op *op = add_op(script, words, OP_WAIT);
    op->argument[0] = word;
    op->argument[1] = value;
    return op;
}

struct script_op *script_post(struct script *script, const char *words, uint64_t word,
                              uint32_t value)
{
    struct script_op *op = add_op(script, words, OP_POST);
    op->argument[0] = word;
    op->argument[1] = value;
    return op;
}

int script_end(struct script *script, struct error *e)
{
    add_op(script, "end", OP_END);
    if (script->area->used > script->area->size)
        return fail(e, ENOSPC, "script area of %zu bytes is full", script->area->size);
    return 0;
}

uint64_t script_entry(const struct script *script)
{
    return script->area->remote;
}

uint64_t script_head_address(const struct script *script)
{
    return script_remote(script->area, script->head);
}

int script_verdict(const struct script_area *area, const struct script_head *head, struct error *e)
{
    if (head->state == SCRIPT_DONE)
        return 0;
    if (head->state == SCRIPT_RUNNING)
        return fail(e, EINTR, "script has not come to its end");
    const struct script_op *op = script_local(area, head->failed);
    if (op->demand == DEMAND_EXACTLY && op->result >= 0)
        return fail(e, EIO, "%s: system call %llu gave %lld, not %lld", op->words,
                    (unsigned long long)op->number, (long long)op->result, (long long)op->wanted);
    return fail(e, (int)-op->result, "%s (%#llx, %#llx, %#llx): %s", op->words,
                (unsigned long long)op->argument[0], (unsigned long long)op->argument[1],
                (unsigned long long)op->argument[2], strerror((int)-op->result));
}

_Noreturn void script_run_here(const struct script *script)
{
    stasis_runner_enter(script_entry(script), script_head_address(script));
}
