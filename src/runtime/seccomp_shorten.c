/* The verdict on a call is a function of its architecture, its number and its arguments. As long as
 * only the first two are looked at, the old filter is run here, for every architecture it compares
 * with and for one number of every range between the constants it compares numbers with. What it
 * does once it looks at an argument is copied. The new filter:
 *
 *     load architecture; for each: if it is this one, go to its search; return what others get
 *     search: load number; binary search among ranges; return, or go to a block
 *     block: the instructions of the old filter from the load of an argument on
 */
#include "runtime/seccomp_shorten.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum holding { HOLDS_NUMBER, HOLDS_ARCHITECTURE, HOLDS_ARGUMENT, holdings };
enum { longest_block = 128 };

struct numbers {
    uint32_t *items;
    size_t count, capacity;
};

/* Where the old filter comes to: it returns `value`, or loads an argument at instruction `value`.
 */
struct outcome {
    bool returns;
    uint32_t value;
};

struct range {
    uint32_t first;
    struct outcome outcome;
};

struct ranges {
    struct range *items;
    size_t count, capacity;
};

/* An unconditional jump of the new filter whose distance is not known yet. */
struct pending_jump {
    size_t at;
    bool to_block; /* `target` is an instruction of the old filter, else the index of a search */
    uint32_t target;
};

struct writer {
    const struct seccomp_filter *old;
    struct arena *arena;
    struct sock_filter *code;
    size_t count, room;
    struct {
        struct pending_jump *items;
        size_t count, capacity;
    } jumps;
    bool too_long;
};

static enum holding held_after_load(uint32_t offset)
{
    return offset == offsetof(struct seccomp_data, nr)     ? HOLDS_NUMBER
           : offset == offsetof(struct seccomp_data, arch) ? HOLDS_ARCHITECTURE
                                                           : HOLDS_ARGUMENT;
}

static bool is_comparison(const struct sock_filter *instruction)
{
    return instruction->code == (BPF_JMP | BPF_JEQ | BPF_K) ||
           instruction->code == (BPF_JMP | BPF_JGT | BPF_K) ||
           instruction->code == (BPF_JMP | BPF_JGE | BPF_K);
}

/* Every way through the old filter, by instruction and what the accumulator holds there. */
struct survey {
    const struct seccomp_filter *old;
    struct arena *arena;
    unsigned char (*seen)[holdings];
    struct numbers numbers, architectures; /* constants that each is compared with */
};

static bool survey_from(struct survey *survey, size_t at, enum holding held);

static bool survey_comparison(struct survey *survey, size_t at, enum holding held)
{
    const struct sock_filter *instruction = &survey->old->instructions[at];
    bool equality = instruction->code == (BPF_JMP | BPF_JEQ | BPF_K);
    if (held == HOLDS_ARCHITECTURE && !equality)
        return false;
    if (held == HOLDS_ARCHITECTURE)
        vec_add(survey->arena, &survey->architectures, instruction->k);
    if (held == HOLDS_NUMBER)
        vec_add(survey->arena, &survey->numbers, instruction->k);
    return survey_from(survey, at + 1 + instruction->jt, held) &&
           survey_from(survey, at + 1 + instruction->jf, held);
}

/* False if there is an instruction on the way whose effect is not understood here. */
static bool survey_from(struct survey *survey, size_t at, enum holding held)
{
    for (; at < survey->old->length && !survey->seen[at][held]; at++) {
        const struct sock_filter *instruction = &survey->old->instructions[at];
        survey->seen[at][held] = 1;
        if (instruction->code == (BPF_RET | BPF_K))
            return true;
        if (is_comparison(instruction))
            return survey_comparison(survey, at, held);
        if (instruction->code == (BPF_JMP | BPF_JA))
            at += instruction->k;
        else if (instruction->code == (BPF_LD | BPF_W | BPF_ABS))
            held = held_after_load(instruction->k);
        else if (instruction->code != (BPF_ALU | BPF_AND | BPF_K) || held != HOLDS_ARGUMENT)
            return false;
    }
    return at < survey->old->length;
}

static struct outcome run(const struct seccomp_filter *old, uint32_t architecture, uint32_t number)
{
    uint32_t held = 0;
    for (size_t at = 0;; at++) {
        const struct sock_filter *instruction = &old->instructions[at];
        uint32_t k = instruction->k;
        if (instruction->code == (BPF_RET | BPF_K))
            return (struct outcome){true, k};
        if (instruction->code == (BPF_JMP | BPF_JA)) {
            at += k;
        } else if (is_comparison(instruction)) {
            unsigned kind = BPF_OP(instruction->code);
            bool holds = kind == BPF_JEQ ? held == k : kind == BPF_JGT ? held > k : held >= k;
            at += holds ? instruction->jt : instruction->jf;
        } else if (held_after_load(k) == HOLDS_ARGUMENT) {
            return (struct outcome){false, (uint32_t)at};
        } else {
            held = held_after_load(k) == HOLDS_NUMBER ? number : architecture;
        }
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_and_unite(struct numbers *numbers)
{
    size_t kept = 0;
    if (numbers->count)
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), compare_numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (!kept || numbers->items[kept - 1] != numbers->items[i])
            numbers->items[kept++] = numbers->items[i];
    numbers->count = kept;
}

/* A verdict can change only at a constant or behind it. */
static struct numbers starts_of_ranges(const struct numbers *constants, struct arena *arena)
{
    struct numbers starts = {0};
    for (size_t i = 0; i < constants->count; i++) {
        vec_add(arena, &starts, constants->items[i]);
        if (constants->items[i] != UINT32_MAX)
            vec_add(arena, &starts, constants->items[i] + 1);
    }
    sort_and_unite(&starts);
    return starts;
}

static struct ranges find_ranges(const struct seccomp_filter *old, uint32_t architecture,
                                 const struct numbers *starts, struct arena *arena)
{
    struct ranges ranges = {0};
    struct outcome last = run(old, architecture, 0);
    vec_add(arena, &ranges, ((struct range){0, last}));
    for (size_t i = 0; i < starts->count; i++) {
        struct outcome outcome = run(old, architecture, starts->items[i]);
        if (last.returns != outcome.returns || last.value != outcome.value)
            vec_add(arena, &ranges, ((struct range){starts->items[i], outcome}));
        last = outcome;
    }
    return ranges;
}

static void write_one(struct writer *writer, struct sock_filter instruction)
{
    if (writer->count < writer->room)
        writer->code[writer->count++] = instruction;
    else
        writer->too_long = true;
}

static void write_jump(struct writer *writer, bool to_block, uint32_t target)
{
    vec_add(writer->arena, &writer->jumps,
            ((struct pending_jump){writer->count, to_block, target}));
    write_one(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
}

/* A comparison jumps 255 instructions at most: for a longer left half it jumps over a far jump. */
static void write_search(struct writer *writer, const struct range *ranges, size_t count)
{
    if (count == 1) {
        struct outcome outcome = ranges->outcome;
        if (outcome.returns)
            write_one(writer, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, outcome.value));
        else
            write_jump(writer, true, outcome.value);
        return;
    }
    size_t half = count / 2, compare = writer->count;
    bool far = half > 80; /* a range takes up to three instructions */
    write_one(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[half].first, 0,
                                                   far ? 1 : 0));
    if (far)
        write_one(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    size_t left = writer->count;
    write_search(writer, ranges, half);
    size_t distance = writer->count - left;
    if (writer->too_long)
        return;
    if (far)
        writer->code[compare + 1].k = (uint32_t)distance;
    else
        writer->code[compare].jt = (unsigned char)distance;
    write_search(writer, ranges + half, count - half);
}

static void mark_block(const struct seccomp_filter *old, size_t at, unsigned char *in_block)
{
    for (; at < old->length && !in_block[at]; at++) {
        const struct sock_filter *instruction = &old->instructions[at];
        in_block[at] = 1;
        if (BPF_CLASS(instruction->code) == BPF_RET)
            return;
        if (instruction->code == (BPF_JMP | BPF_JA)) {
            at += instruction->k;
        } else if (BPF_CLASS(instruction->code) == BPF_JMP) {
            mark_block(old, at + 1 + instruction->jt, in_block);
            at += instruction->jf;
        }
    }
}

/* How many instructions of the block lie from `from` up to before `to`. */
static uint32_t distance_in(const unsigned char *in_block, size_t from, size_t to)
{
    uint32_t distance = 0;
    for (size_t i = from; i < to; i++)
        distance += in_block[i];
    return distance;
}

/* Copies what can be reached from `start`; jumps only become shorter by what lies between. */
static void write_block(struct writer *writer, size_t start)
{
    const struct seccomp_filter *old = writer->old;
    unsigned char *in_block = arena_alloc(writer->arena, old->length);
    mark_block(old, start, in_block);
    if (distance_in(in_block, start, old->length) > longest_block)
        writer->too_long = true;
    for (size_t at = start; at < old->length && !writer->too_long; at++) {
        struct sock_filter copy = old->instructions[at];
        if (!in_block[at])
            continue;
        if (copy.code == (BPF_JMP | BPF_JA)) {
            copy.k = distance_in(in_block, at + 1, at + 1 + copy.k);
        } else if (BPF_CLASS(copy.code) == BPF_JMP) {
            copy.jt = (unsigned char)distance_in(in_block, at + 1, at + 1 + copy.jt);
            copy.jf = (unsigned char)distance_in(in_block, at + 1, at + 1 + copy.jf);
        }
        write_one(writer, copy);
    }
}

/* Writes every block that is jumped to, once, and lets the jumps know where. */
static void write_blocks(struct writer *writer)
{
    for (size_t i = 0; i < writer->jumps.count && !writer->too_long; i++) {
        const struct pending_jump *jump = &writer->jumps.items[i];
        if (!jump->to_block || writer->code[jump->at].k)
            continue;
        size_t block = writer->count;
        write_block(writer, jump->target);
        for (size_t j = i; j < writer->jumps.count; j++) {
            const struct pending_jump *other = &writer->jumps.items[j];
            if (other->to_block && other->target == jump->target)
                writer->code[other->at].k = (uint32_t)(block - other->at - 1);
        }
    }
}

static void write_filter(struct writer *writer, const struct numbers *architectures,
                         const struct numbers *starts)
{
    uint32_t other = 0;
    for (size_t i = 0; i < architectures->count; i++)
        other = architectures->items[i] == other ? other + 1 : other; /* they are sorted */
    write_one(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                   offsetof(struct seccomp_data, arch)));
    for (size_t i = 0; i < architectures->count; i++) {
        write_one(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                       architectures->items[i], 0, 1));
        write_jump(writer, false, (uint32_t)i);
    }
    for (size_t i = 0; i <= architectures->count; i++) {
        /* The search of all other architectures stands first, where no jump was taken. */
        uint32_t architecture = i ? architectures->items[i - 1] : other;
        struct ranges ranges = find_ranges(writer->old, architecture, starts, writer->arena);
        if (i && !writer->too_long)
            writer->code[2 * i].k = (uint32_t)(writer->count - 2 * i - 1);
        write_one(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                       offsetof(struct seccomp_data, nr)));
        write_search(writer, ranges.items, ranges.count);
    }
    write_blocks(writer);
}

void seccomp_shorten(struct seccomp_filter *filter, struct arena *arena)
{
    struct survey survey = {.old = filter, .arena = arena};
    survey.seen = arena_alloc(arena, filter->length * sizeof(*survey.seen));
    if (!survey_from(&survey, 0, HOLDS_ARGUMENT))
        return;
    sort_and_unite(&survey.architectures);
    struct numbers starts = starts_of_ranges(&survey.numbers, arena);
    struct writer writer = {.old = filter, .arena = arena, .room = filter->length};
    writer.code = arena_alloc(arena, writer.room * sizeof(*writer.code));
    write_filter(&writer, &survey.architectures, &starts);
    if (writer.too_long)
        return;
    filter->instructions = writer.code;
    filter->length = (unsigned short)writer.count;
}
