/* Where the scripts are: one shared mapping at an address that is free in every process. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "restore/vessel.h"

enum { lowest_address = 0x10000000, most_attempts = 64 };

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static int compare_ranges(const void *a, const void *b)
{
    const struct address_range *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static address_ranges all_mappings(struct tree *tree)
{
    address_ranges ranges = {0};
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        for (size_t m = 0; task->memory && !task->shares_memory && m < task->memory->mappings.count;
             m++) {
            const VmaEntry *vma = task->memory->mappings.items[m].vma;
            vec_add(tree->restore.arena, &ranges, ((struct address_range){vma->start, vma->end}));
        }
    }
    if (ranges.count)
        qsort(ranges.items, ranges.count, sizeof(*ranges.items), compare_ranges);
    vec_add(tree->restore.arena, &ranges,
            ((struct address_range){ADDRESSES_END - PAGE_BYTES, ADDRESSES_END}));
    return ranges;
}

static size_t room_for_task(const struct task *task)
{
    enum { op = sizeof(struct script_op) };
    size_t room = 96 * op;
    for (size_t i = 0; i < task->threads.count; i++) {
        const struct thread *thread = &task->threads.items[i];
        room += 160 * op + 4096;
        for (size_t f = 0; f < thread->filter_count; f++)
            room += 2 * op + thread->filters[f]->filter.len;
        if (!thread->core || !thread->core->thread_core)
            continue;
        const ThreadCoreEntry *core = thread->core->thread_core;
        room += core->creds ? core->creds->n_groups * 4 : 0;
        room += core->signals_p ? core->signals_p->n_signals * (op + 128) : 0;
        const TaskCoreEntry *tc = thread->core->tc;
        if (!tc)
            continue;
        room += tc->signals_s ? tc->signals_s->n_signals * (op + 128) : 0;
        room += tc->n_sigactions * (op + 32);
        room += tc->timers ? tc->timers->n_posix * (2 * op + 128) : 0;
        if (tc->timers && tc->timers->n_posix)
            room += 2 * 1000 * (op + 64); /* timers to pass over */
    }
    room += task->descriptors.count * 3 * op + task->makes.count * 3 * (op + 128);
    if (!task->memory || task->shares_memory)
        return room;
    const struct memory *memory = task->memory;
    return room + memory->mappings.count * 6 * op + memory->mm->n_mm_saved_auxv * 8 +
           (memory->drop.count + memory->unmap.count) * op + memory->read.count * (op + 16);
}

static size_t size_of_area(const struct tree *tree)
{
    size_t size = 65536 + tree->groups.count * 16;
    for (size_t i = 0; i < tree->tasks.count; i++)
        size += room_for_task(tree->tasks.items[i]);
    for (size_t i = 0; i < tree->stand_ins.count; i++)
        size += room_for_task(tree->stand_ins.items[i]);
    return (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* The middle of a gap, away from a stack above that must be able to grow. */
static void *map_in_gap(uint64_t start, uint64_t end, size_t size)
{
    if (end < start || end - start < size + 2 * PAGE_BYTES)
        return NULL;
    uint64_t middle = (start + (end - start - size) / 2) & ~(uint64_t)(PAGE_BYTES - 1);
    void *memory = mmap((void *)middle, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (memory == (void *)middle)
        return memory;
    munmap(memory, size); /* a kernel that does not know MAP_FIXED_NOREPLACE */
    return NULL;
}

/* Halves gaps until one piece of them is free in the builder too. */
static void *find_place(struct tree *tree, size_t size)
{
    address_ranges ranges = all_mappings(tree);
    for (unsigned parts = 1; parts <= most_attempts; parts *= 2) {
        uint64_t free_from = lowest_address;
        for (size_t i = 0; i < ranges.count; i++) {
            uint64_t end = ranges.items[i].start;
            uint64_t piece = end > free_from ? (end - free_from) / parts : 0;
            for (unsigned part = 0; part < parts; part++) {
                void *memory =
                    map_in_gap(free_from + part * piece, free_from + (part + 1) * piece, size);
                if (memory)
                    return memory;
            }
            if (ranges.items[i].end > free_from)
                free_from = ranges.items[i].end;
        }
    }
    return NULL;
}

int map_area(struct tree *tree, struct error *e)
{
    size_t size = size_of_area(tree);
    void *memory = find_place(tree, size);
    if (!memory)
        return fail(e, ENOMEM, "no free addresses for %zu bytes of scripts", size);
    tree->area = (struct script_area){.local = memory, .remote = (uint64_t)memory, .size = size};
    return script_area_init(&tree->area, e);
}

void unmap_area(struct tree *tree)
{
    if (tree->area.local)
        munmap(tree->area.local, tree->area.size);
    tree->area.local = NULL;
}

uint64_t new_word(struct tree *tree)
{
    uint32_t zero = 0;
    return script_data(&tree->area, &zero, sizeof(zero));
}
