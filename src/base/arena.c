#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { block_size = 64 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct block *blocks;
};

static void *allocate_or_die(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory) {
        fprintf(stderr, "stasis: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

struct arena *arena_new(void)
{
    return allocate_or_die(sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    struct block *block = arena->blocks;
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        fprintf(stderr, "stasis: impossible allocation (%zu bytes)\n", size);
        abort();
    }
    size = (size + alignment - 1) & ~(alignment - 1);
    struct block *head = arena->blocks;
    if (!head || head->size - head->used < size) {
        size_t room = size > block_size / 4 ? size : block_size;
        struct block *block = allocate_or_die(sizeof(*block) + room);
        block->size = room;
        /* A large piece gets a block of its own, behind the one that still has room. */
        if (head && room == size) {
            block->next = head->next;
            head->next = block;
        } else {
            block->next = head;
            arena->blocks = block;
        }
        head = block;
    }
    void *memory = head->data + head->used;
    head->used += size;
    return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
    void *memory = arena_alloc(arena, size);
    if (size)
        memcpy(memory, data, size);
    return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    if (length > 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

void *arena_grow_(struct arena *arena, void **items, size_t *count, size_t *capacity, size_t size)
{
    if (*count == *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : 8;
        void *larger = arena_alloc(arena, wanted * size);
        if (*count)
            memcpy(larger, *items, *count * size);
        *items = larger;
        *capacity = wanted;
    }
    return (unsigned char *)*items + (*count)++ * size;
}
