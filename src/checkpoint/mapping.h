/* What a mapping is, as images tell it. */
#ifndef STASIS_CHECKPOINT_MAPPING_H
#define STASIS_CHECKPOINT_MAPPING_H

#include "checkpoint/tree.h"

/* Bits of VmaEntry.status. */
enum mapping_status {
    MAPPING_REGULAR = 1 << 0,
    MAPPING_VSYSCALL = 1 << 2,
    MAPPING_VDSO = 1 << 3,
    MAPPING_HEAP = 1 << 5,
    MAPPING_FILE_PRIVATE = 1 << 6,
    MAPPING_FILE_SHARED = 1 << 7,
    MAPPING_ANON_SHARED = 1 << 8,
    MAPPING_ANON_PRIVATE = 1 << 9,
    MAPPING_VVAR = 1 << 12,
};

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
