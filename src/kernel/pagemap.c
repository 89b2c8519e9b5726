#include "kernel/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

/* <linux/fs.h> of Linux 6.7. */
struct scan_region {
    uint64_t start, end, categories;
};
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_REQUEST _IOWR('f', 16, struct scan_argument)
enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO = 1 << 5 };

/* Bits of an entry of /proc/PID/pagemap. */
static const uint64_t entry_present = 1ULL << 63, entry_swapped = 1ULL << 62,
                      entry_file = 1ULL << 61, entry_frame = (1ULL << 55) - 1;

static void add_range(struct arena *arena, page_ranges *ranges, uint64_t start, uint64_t end)
{
    if (ranges->count && ranges->items[ranges->count - 1].end == start)
        ranges->items[ranges->count - 1].end = end;
    else
        vec_add(arena, ranges, ((struct page_range){start, end}));
}

static int scan(int pagemap, uint64_t start, uint64_t end, struct arena *arena, page_ranges *ranges)
{
    struct scan_region regions[256];
    struct scan_argument argument = {
        .size = sizeof(argument),
        .start = start,
        .end = end,
        .vec = (uintptr_t)regions,
        .vec_len = sizeof(regions) / sizeof(*regions),
        .category_inverted = IS_FILE | IS_ZERO,
        .category_mask = IS_FILE | IS_ZERO,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .return_mask = IS_FILE,
    };
    while (argument.start < end) {
        int count = ioctl(pagemap, SCAN_REQUEST, &argument);
        if (count < 0)
            return -1;
        for (int i = 0; i < count; i++)
            add_range(arena, ranges, regions[i].start, regions[i].end);
        argument.start = argument.walk_end;
    }
    return 0;
}

static int read_entries(int pagemap, uint64_t start, size_t count, uint64_t *entries,
                        struct error *e)
{
    size_t bytes = count * sizeof(*entries);
    ssize_t got = pread(pagemap, entries, bytes, (off_t)(start / PAGE_BYTES * sizeof(*entries)));
    if (got != (ssize_t)bytes)
        return fail_errno(e, "cannot read the pagemap at %llx", (unsigned long long)start);
    return 0;
}

/* The frame of the zero page: what an untouched page of ours shows once it was read. */
static uint64_t zero_frame(void)
{
    uint64_t entry = 0;
    AUTO_CLOSE int own = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    volatile char *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 0;
    (void)*page;
    struct error ignored;
    if (own < 0 || read_entries(own, (uintptr_t)page, 1, &entry, &ignored) < 0)
        entry = 0;
    munmap((void *)page, PAGE_BYTES);
    return entry & entry_frame;
}

static int walk_entries(int pagemap, uint64_t start, uint64_t end, struct arena *arena,
                        page_ranges *ranges, struct error *e)
{
    uint64_t entries[1024], zero = zero_frame();
    const size_t most = sizeof(entries) / sizeof(*entries);
    while (start < end) {
        size_t count = (end - start) / PAGE_BYTES;
        if (count > most)
            count = most;
        if (read_entries(pagemap, start, count, entries, e) < 0)
            return -1;
        for (size_t i = 0; i < count; i++, start += PAGE_BYTES) {
            uint64_t entry = entries[i];
            bool there = entry & (entry_present | entry_swapped);
            bool is_zero = entry & entry_present && zero && (entry & entry_frame) == zero;
            if (there && !is_zero && !(entry & entry_file))
                add_range(arena, ranges, start, start + PAGE_BYTES);
        }
    }
    return 0;
}

int pagemap_own_pages(int pagemap, uint64_t start, uint64_t end, struct arena *arena,
                      page_ranges *ranges, struct error *e)
{
    size_t before = ranges->count;
    if (scan(pagemap, start, end, arena, ranges) == 0)
        return 0;
    if (errno != ENOTTY && errno != EINVAL)
        return fail_errno(e, "cannot scan the page tables from %llx", (unsigned long long)start);
    ranges->count = before;
    return walk_entries(pagemap, start, end, arena, ranges, e);
}

int pagemap_frames(int pagemap, uint64_t start, size_t count, uint64_t *frames, struct error *e)
{
    if (read_entries(pagemap, start, count, frames, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        frames[i] = frames[i] & entry_present ? frames[i] & entry_frame : 0;
    return 0;
}
