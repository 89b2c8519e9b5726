/* forest CHILDREN MEBIBYTES: a tree whose processes share that much memory by fork; each child has
 * changed a few pages. Checks all memory of every process. */
#include "specimen.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, WORDS = PAGE / 8, CHANGED = 4 };

static uint64_t *memory;
static size_t pages;
static volatile int *set_up; /* shared: how many children are */

/* Each page differs from every other, so that none can be stored for another. */
static uint64_t word_of(size_t page, int owner)
{
    return (page + 1) * 0x9e3779b97f4a7c15u + (uint64_t)owner;
}

static void fill(size_t page, int owner)
{
    for (size_t i = 0; i < WORDS; i++)
        memory[page * WORDS + i] = word_of(page, owner) + i;
}

static size_t own_page(int owner, int number)
{
    return pages ? ((size_t)owner * 97 + (size_t)number * 1009) % pages : 0;
}

static int owner_of(size_t page, int owner)
{
    for (int i = 0; owner && i < CHANGED; i++)
        if (own_page(owner, i) == page)
            return owner;
    return 0;
}

static bool is_right(int owner)
{
    for (size_t page = 0; page < pages; page++)
        for (size_t i = 0; i < WORDS; i++)
            if (memory[page * WORDS + i] != word_of(page, owner_of(page, owner)) + i)
                return false;
    return true;
}

static void live(void *argument)
{
    int owner = (int)(uintptr_t)argument;
    for (int i = 0; pages && i < CHANGED; i++)
        fill(own_page(owner, i), owner);
    __atomic_add_fetch(set_up, 1, __ATOMIC_SEQ_CST);
    specimen_wait_told();
    DEMAND(is_right(owner));
}

int main(int count, char **arguments)
{
    int children = count > 1 ? atoi(arguments[1]) : 3;
    pages = (size_t)(count > 2 ? atoi(arguments[2]) : 1) << 8;
    pid_t *pids = calloc((size_t)children + 1, sizeof(*pids));
    set_up = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages)
        memory =
            mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(pids && set_up != MAP_FAILED && memory != MAP_FAILED);
    for (size_t page = 0; page < pages; page++)
        fill(page, 0);
    for (uintptr_t i = 0; i < (uintptr_t)children; i++)
        pids[i] = specimen_fork(live, (void *)(i + 1));
    while (*set_up < children)
        specimen_pause();

    specimen_ready();

    DEMAND(is_right(0));
    for (int i = 0; i < children; i++)
        specimen_join(pids[i]);
    specimen_end();
}
