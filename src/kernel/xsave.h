/* Where the processor keeps its extended state in an XSAVE area of the standard format. */
#ifndef STASIS_KERNEL_XSAVE_H
#define STASIS_KERNEL_XSAVE_H

#include <stdint.h>

enum xsave_component {
    XSAVE_YMM = 2,
    XSAVE_BNDREGS = 3,
    XSAVE_BNDCSR = 4,
    XSAVE_OPMASK = 5,
    XSAVE_ZMM_HIGH = 6,
    XSAVE_ZMM_16 = 7,
    XSAVE_PKRU = 9,
    XSAVE_COMPONENTS
};

enum { XSAVE_LEGACY_BYTES = 512, XSAVE_HEADER_BYTES = 64 };

struct xsave_layout {
    struct {
        uint32_t offset, size; /* size 0: the processor has no such component */
    } component[XSAVE_COMPONENTS];
};

/* Asks the processor (CPUID leaf 0xd). Ask once per operation: under a hypervisor each CPUID is a
 * trap of more than a microsecond. */
struct xsave_layout xsave_layout_of_processor(void);

#endif
