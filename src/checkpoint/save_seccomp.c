/* seccomp.img: the filters of all threads, each once; a thread's chain is a list by `prev`. */
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/ptrace.h>

#include "checkpoint/tree.h"

enum { mode_filter = 2, most_instructions = 4096, no_previous = UINT32_MAX };

typedef VEC(SeccompFilter *) filter_list;

/* Fetches the filter number `index` (0: the oldest). NULL with e->code 0 behind the last one. */
static SeccompFilter *fetch_filter(struct arena *arena, const struct thread *thread, uint64_t index,
                                   struct error *e)
{
    struct sock_filter code[most_instructions];
    struct {
        uint64_t filter_off, flags;
    } metadata = {.filter_off = index};
    long count = ptrace(PTRACE_SECCOMP_GET_FILTER, thread->tid, (void *)index, code);
    e->code = 0;
    if (count < 0) {
        if (errno != ENOENT)
            fail_errno(e, "thread %d: cannot read its seccomp filter %llu", (int)thread->tid,
                       (unsigned long long)index);
        return NULL;
    }
    if (ptrace(PTRACE_SECCOMP_GET_METADATA, thread->tid, (void *)sizeof(metadata), &metadata) < 0) {
        fail_errno(e, "thread %d: cannot read the flags of its seccomp filter", (int)thread->tid);
        return NULL;
    }
    SeccompFilter *filter = arena_alloc(arena, sizeof(*filter));
    seccomp_filter__init(filter);
    filter->filter.len = (size_t)count * sizeof(*code);
    filter->filter.data = arena_copy(arena, code, filter->filter.len);
    filter->has_flags = metadata.flags != 0;
    filter->flags = (uint32_t)metadata.flags;
    return filter;
}

static bool filters_equal(const SeccompFilter *a, const SeccompFilter *b)
{
    return a->has_prev == b->has_prev && a->prev == b->prev && a->flags == b->flags &&
           a->filter.len == b->filter.len && !memcmp(a->filter.data, b->filter.data, a->filter.len);
}

static uint32_t place_of(struct arena *arena, filter_list *filters, SeccompFilter *filter)
{
    for (size_t i = 0; i < filters->count; i++)
        if (filters_equal(filters->items[i], filter))
            return (uint32_t)i;
    vec_add(arena, filters, filter);
    return (uint32_t)filters->count - 1;
}

static int collect_chain(struct arena *arena, struct thread *thread, filter_list *filters,
                         struct error *e)
{
    uint32_t previous = no_previous;
    for (uint64_t index = 0;; index++) {
        SeccompFilter *filter = fetch_filter(arena, thread, index, e);
        if (!filter)
            break;
        filter->has_prev = previous != no_previous;
        filter->prev = filter->has_prev ? previous : 0;
        previous = place_of(arena, filters, filter);
    }
    thread->seccomp_filter = previous;
    return e->code ? -1 : 0;
}

int save_seccomp(struct tree *tree, struct error *e)
{
    filter_list filters = {0};
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count; t++) {
            struct thread *thread = &task->threads.items[t];
            if (thread->status.seccomp == mode_filter &&
                collect_chain(tree->dump->arena, thread, &filters, e) < 0)
                return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        }
    }
    SeccompEntry entry = SECCOMP_ENTRY__INIT;
    entry.n_seccomp_filters = filters.count;
    entry.seccomp_filters = filters.items;
    return image_write_one(tree->dump->images, IMAGE_SECCOMP, 0, &entry.base, e);
}
