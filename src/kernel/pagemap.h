/* Which pages a process has. PAGEMAP_SCAN (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst)
 * where the kernel has it, /proc/PID/pagemap before. */
#ifndef STASIS_KERNEL_PAGEMAP_H
#define STASIS_KERNEL_PAGEMAP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

enum { PAGE_BYTES = 4096 };

struct page_range {
    uint64_t start, end; /* addresses */
};
typedef VEC(struct page_range) page_ranges;

/* Adds the ranges within [start, end) whose pages are the process's own: present or swapped, no
 * page of a file or of shared memory, and not the zero page. `pagemap` is an open
 * /proc/PID/pagemap. */
int pagemap_own_pages(int pagemap, uint64_t start, uint64_t end, struct arena *arena,
                      page_ranges *ranges, struct error *e);

/* Page frame numbers of `count` pages from `start`; 0 for what is not present. Wants CAP_SYS_ADMIN.
 */
int pagemap_frames(int pagemap, uint64_t start, size_t count, uint64_t *frames, struct error *e);

#endif
