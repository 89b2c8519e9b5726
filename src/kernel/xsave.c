#include "kernel/xsave.h"

#include <cpuid.h>

struct xsave_layout xsave_layout_of_processor(void)
{
    struct xsave_layout layout = {0};
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid_max(0, 0) < 0xd)
        return layout;
    for (unsigned i = XSAVE_YMM; i < XSAVE_COMPONENTS; i++) {
        __cpuid_count(0xd, i, eax, ebx, ecx, edx);
        layout.component[i].size = eax;
        layout.component[i].offset = ebx;
    }
    return layout;
}
