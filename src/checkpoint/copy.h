/* Page data on its way from a frozen process to the image: one copy out, one into the file. */
#ifndef STASIS_CHECKPOINT_COPY_H
#define STASIS_CHECKPOINT_COPY_H

#include "checkpoint/tree.h"
#include "kernel/pagemap.h"

/* Writes the pages of `ranges`, in their order, to pages-ID.img. Several threads share the work of
 * a large one. proc_pid_mem(5). */
int copy_pages(struct tree *tree, struct task *task, uint32_t pages_id, const page_ranges *ranges,
               struct error *e);

/* Writes pagemap-shmem-ID.img and pages of every piece of shared anonymous memory, once each;
 * pages files are numbered from `next_pages_id` on. */
int save_shared_memory(struct tree *tree, uint32_t next_pages_id, struct error *e);

#endif
