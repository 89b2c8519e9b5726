/* What a mapping is, as images tell it. */
#ifndef STASIS_CHECKPOINT_MAPPING_H
#define STASIS_CHECKPOINT_MAPPING_H

#include "checkpoint/tree.h"

/* The status bits of a mapping; 0 with *e naming it where it cannot be restored yet. */
uint32_t mapping_status_of(const struct task *task, const struct proc_vma *vma, struct error *e);

/* Bits of VmaEntry.madv: 1 << MADV_*, for what madvise(2) left in VmFlags. */
uint64_t mapping_advice(const struct proc_vma *vma);

/* Does it hold private pages that only the process has? */
static inline bool mapping_is_private(uint32_t status)
{
    return status & (MAPPING_ANON_PRIVATE | MAPPING_FILE_PRIVATE) &&
           !(status & (MAPPING_VVAR | MAPPING_VSYSCALL | MAPPING_VDSO));
}

#endif
