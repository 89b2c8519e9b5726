/* seccomp.img: every thread's chain of filters. */
#include <errno.h>

#include "restore/tree.h"

enum { most_filters = 1024 };

/* A chain by `prev`, turned around. A circle is longer than any chain. */
static int read_chain(struct tree *tree, struct thread *thread, struct error *e)
{
    const SeccompEntry *seccomp = tree->seccomp;
    uint32_t at = thread->core->thread_core->seccomp_filter;
    VEC(SeccompFilter *) chain = {0};
    for (;;) {
        if (at >= seccomp->n_seccomp_filters || chain.count > most_filters)
            return fail(e, EBADMSG, "seccomp.img: thread %u: filter %u does not exist", thread->tid,
                        at);
        SeccompFilter *filter = seccomp->seccomp_filters[at];
        vec_add(tree->restore.arena, &chain, filter);
        if (!filter->has_prev)
            break;
        at = filter->prev;
    }
    thread->filter_count = chain.count;
    thread->filters = arena_alloc(tree->restore.arena, chain.count * sizeof(*thread->filters));
    for (size_t i = 0; i < chain.count; i++)
        thread->filters[i] = chain.items[chain.count - 1 - i];
    return 0;
}

static int read_thread(struct tree *tree, struct thread *thread, struct error *e)
{
    const ThreadCoreEntry *core = thread->core->thread_core;
    if (!core || !core->has_seccomp_mode || core->seccomp_mode != SECCOMP_MODE__filter)
        return 0;
    if (!core->has_seccomp_filter)
        return fail(e, EBADMSG, "core-%u.img: no seccomp filter", thread->tid);
    if (!tree->seccomp)
        return fail(e, ENOENT, "seccomp.img: is missing");
    return read_chain(tree, thread, e);
}

int read_seccomp(struct tree *tree, struct error *e)
{
    struct restore *restore = &tree->restore;
    tree->seccomp = image_read_one(restore->arena, restore->images_dir, IMAGE_SECCOMP, 0,
                                   &seccomp_entry__descriptor, e);
    if (!tree->seccomp && e->code != ENOENT)
        return -1;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count; t++)
            if (read_thread(tree, &task->threads.items[t], e) < 0)
                return -1;
    }
    return 0;
}
