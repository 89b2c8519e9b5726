/* Copy-on-write sharing comes back by fork: what a process has in common with its maker stays, the
 * rest is unmapped, dropped or read in anew. */
#include <sys/mman.h>

#include "restore/tree.h"

static bool of_one_kind(const VmaEntry *a, const VmaEntry *b)
{
    enum { not_compared = MAP_LOCKED };
    return a->status == b->status && (a->flags | not_compared) == (b->flags | not_compared) &&
           a->shmid == b->shmid;
}

/* The last of the sorted mappings that begins at or before the address. */
static const struct mapping *find_before(const struct memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->mappings.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memory->mappings.items[middle].vma->start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &memory->mappings.items[low - 1] : NULL;
}

/* The maker's mapping that covers this one with the same contents behind it. */
static const struct mapping *find_cover(const struct memory *origin, const VmaEntry *vma)
{
    enum { HAVE_OFFSET = MAPPING_FILE_PRIVATE | MAPPING_FILE_SHARED | MAPPING_ANON_SHARED };
    const struct mapping *theirs = find_before(origin, vma->start);
    if (!theirs || theirs->vma->end < vma->end || !of_one_kind(theirs->vma, vma))
        return NULL;
    bool same_offset = vma->pgoff - theirs->vma->pgoff == vma->start - theirs->vma->start;
    return vma->status & HAVE_OFFSET && !same_offset ? NULL : theirs;
}

static bool is_kernels(const struct mapping *mapping)
{
    return mapping->vma->status & (MAPPING_VVAR | MAPPING_VDSO);
}

static bool same_extent(const struct mapping *a, const struct mapping *b)
{
    return a && b && a->vma->start == b->vma->start && a->vma->end == b->vma->end;
}

static void find_covers(struct memory *memory, const struct memory *origin)
{
    bool keeps_vdso =
        same_extent(memory->vdso, origin->vdso) && same_extent(memory->vvar, origin->vvar);
    for (size_t i = 0; i < memory->mappings.count; i++) {
        struct mapping *mapping = &memory->mappings.items[i];
        if (is_kernels(mapping) && !keeps_vdso)
            continue;
        mapping->inherited = find_cover(origin, mapping->vma);
    }
}

/* The run that holds `address`, or the next behind it. *at only moves forward. */
static const struct page_run *run_from(const page_runs *runs, size_t *at, uint64_t address)
{
    while (*at < runs->count && runs->items[*at].end <= address)
        (*at)++;
    return *at < runs->count ? &runs->items[*at] : NULL;
}

static bool holds(const struct page_run *run, uint64_t address)
{
    return run && run->start <= address;
}

static uint64_t next_change(const struct page_run *run, uint64_t address, uint64_t end)
{
    uint64_t change = !run ? end : run->start <= address ? run->end : run->start;
    return change < end ? change : end;
}

static bool same_page(const struct page_run *a, const struct page_run *b, uint64_t address)
{
    return a->source == b->source &&
           a->offset + (address - a->start) == b->offset + (address - b->start);
}

struct comparison {
    struct arena *arena;
    struct memory *memory;
    const page_runs *theirs; /* NULL: nothing is there yet */
    size_t mine_at, theirs_at;
    bool found_same;
};

/* Compares the pages of one mapping with those that are there from fork. */
static void compare_pages(struct comparison *c, const struct mapping *mapping)
{
    static const page_runs nothing = {0};
    const page_runs *theirs = mapping->inherited ? c->theirs : &nothing;
    size_t none = 0, *theirs_at = mapping->inherited ? &c->theirs_at : &none;
    uint64_t end = mapping->vma->end;
    for (uint64_t at = mapping->vma->start, next; at < end; at = next) {
        const struct page_run *mine = run_from(&c->memory->pages, &c->mine_at, at);
        const struct page_run *their = run_from(theirs, theirs_at, at);
        next = next_change(mine, at, next_change(their, at, end));
        bool have = holds(mine, at), there = holds(their, at);
        if (have && there && same_page(mine, their, at))
            c->found_same = true;
        else if (have)
            vec_add(c->arena, &c->memory->read,
                    ((struct page_run){at, next, mine->offset + (at - mine->start), mine->source}));
        else if (there)
            vec_add(c->arena, &c->memory->drop, ((struct address_range){at, next}));
    }
}

static bool compare_memory(struct tree *tree, struct memory *memory, const struct memory *origin)
{
    struct comparison c = {
        tree->restore.arena, memory, origin ? &origin->pages : NULL, 0, 0, false};
    memory->read.count = memory->drop.count = 0;
    for (size_t i = 0; i < memory->mappings.count; i++) {
        struct mapping *mapping = &memory->mappings.items[i];
        if (!origin)
            mapping->inherited = NULL;
        if (!is_kernels(mapping))
            compare_pages(&c, mapping);
    }
    return c.found_same;
}

static void add_range(struct tree *tree, address_ranges *ranges, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    if (ranges->count && ranges->items[ranges->count - 1].end == start)
        ranges->items[ranges->count - 1].end = end;
    else
        vec_add(tree->restore.arena, ranges, ((struct address_range){start, end}));
}

/* What of the origin's mappings none of those that stay covers. */
static void find_what_goes(struct tree *tree, struct memory *memory)
{
    size_t m = 0;
    for (size_t i = 0; i < memory->origin->mappings.count; i++) {
        const struct mapping *theirs = &memory->origin->mappings.items[i];
        uint64_t at = theirs->vma->start;
        for (; m < memory->mappings.count; m++) {
            const struct mapping *mine = &memory->mappings.items[m];
            if (mine->vma->start >= theirs->vma->end)
                break;
            if (mine->inherited != theirs)
                continue;
            add_range(tree, &memory->unmap, at, mine->vma->start);
            at = mine->vma->end;
        }
        add_range(tree, &memory->unmap, at, theirs->vma->end);
    }
}

void plan_memory(struct tree *tree, struct task *task)
{
    struct memory *memory = task->memory;
    const struct memory *origin = task->maker ? task->maker->memory : NULL;
    if (origin)
        find_covers(memory, origin);
    if (origin && compare_memory(tree, memory, origin)) {
        memory->origin = origin;
        find_what_goes(tree, memory);
        return;
    }
    compare_memory(tree, memory, NULL);
}
