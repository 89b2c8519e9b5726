/* Large memory is written by the process that has it: one copy, as write(2) makes. */
#ifndef STASIS_CHECKPOINT_SEND_H
#define STASIS_CHECKPOINT_SEND_H

#include "checkpoint/tree.h"
#include "kernel/pagemap.h"

/* A piece of memory and its place in the pages file. */
struct placed_range {
    struct page_range range;
    uint64_t offset;
};
typedef VEC(struct placed_range) placed_ranges;

/* May the process write its own pages? Not where the page cache would be charged to a memory cgroup
 * that is not ours, where a file size limit could strike, or where the process cannot read them. */
bool can_send(const struct task *task, const struct page_range *range);
bool shares_our_memory_cgroup(struct tree *tree, const struct task *task);

/* Lets the process write the ranges to `file`, which is handed to it through a socket
 * (SCM_RIGHTS, unix(7)). -1 with *e: nothing is to be trusted of what was written, the caller does
 * it another way. */
int send_pages(struct tree *tree, struct task *task, int file, const placed_ranges *ranges,
               struct error *e);

#endif
