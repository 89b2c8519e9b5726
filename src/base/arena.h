/* Memory of one operation: allocated piece by piece, released at once.
 *
 * Running out of memory ends the program with one line: no caller could go on without it. */
#ifndef STASIS_BASE_ARENA_H
#define STASIS_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* Makes an empty arena. The caller owns it; arena_free releases it and all that came from it. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

static inline void arena_cleanup_(struct arena **arena)
{
    if (*arena)
        arena_free(*arena);
}
#define AUTO_ARENA __attribute__((cleanup(arena_cleanup_)))

/* `size` zeroed bytes, aligned for any object. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments);

/* A growing array whose storage is the arena's: VEC(struct vma) vmas = {0}; */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

/* Adds one zeroed item at the end and returns its address (valid until the next push). */
#define vec_push(arena, vec)                                                                       \
    ((__typeof__((vec)->items))arena_grow_((arena), (void **)&(vec)->items, &(vec)->count,         \
                                           &(vec)->capacity, sizeof(*(vec)->items)))
#define vec_add(arena, vec, value) (*vec_push((arena), (vec)) = (value))

void *arena_grow_(struct arena *arena, void **items, size_t *count, size_t *capacity, size_t size);

#endif
