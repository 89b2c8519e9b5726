#include "restore/processor.h"

#include <errno.h>
#include <string.h>

struct user_regs_struct registers_of_message(const UserX86RegsEntry *message)
{
    return (struct user_regs_struct){
        .r15 = message->r15,
        .r14 = message->r14,
        .r13 = message->r13,
        .r12 = message->r12,
        .rbp = message->bp,
        .rbx = message->bx,
        .r11 = message->r11,
        .r10 = message->r10,
        .r9 = message->r9,
        .r8 = message->r8,
        .rax = message->ax,
        .rcx = message->cx,
        .rdx = message->dx,
        .rsi = message->si,
        .rdi = message->di,
        .orig_rax = UINT64_MAX, /* no system call is to be restarted: the dump saw to that */
        .rip = message->ip,
        .cs = message->cs,
        .eflags = message->flags,
        .rsp = message->sp,
        .ss = message->ss,
        .fs_base = message->fs_base,
        .gs_base = message->gs_base,
        .ds = message->ds,
        .es = message->es,
        .fs = message->fs,
        .gs = message->gs,
    };
}

static void put(unsigned char *area, size_t offset, const void *data, size_t size)
{
    memcpy(area + offset, data, size);
}

static int put_legacy(unsigned char *area, const UserX86FpregsEntry *message, struct error *e)
{
    uint16_t words[4] = {(uint16_t)message->cwd, (uint16_t)message->swd, (uint16_t)message->twd,
                         (uint16_t)message->fop};
    if (message->n_st_space != 32 || message->n_xmm_space != 64)
        return fail(e, EBADMSG, "floating point state of %zu and %zu words", message->n_st_space,
                    message->n_xmm_space);
    put(area, 0, words, sizeof(words));
    put(area, 8, &message->rip, 8);
    put(area, 16, &message->rdp, 8);
    put(area, 24, &message->mxcsr, 4);
    put(area, 28, &message->mxcsr_mask, 4);
    put(area, 32, message->st_space, 128);
    put(area, 160, message->xmm_space, 256);
    return 0;
}

struct part {
    enum xsave_component component;
    const void *data;
    size_t size;
};

static int put_part(unsigned char *area, struct processor *processor, const struct part *part,
                    uint64_t *present, struct error *e)
{
    uint64_t bit = 1ULL << part->component;
    if (!(*present & bit))
        return 0;
    uint32_t offset = processor->layout.component[part->component].offset;
    uint32_t size = processor->layout.component[part->component].size;
    if (size == 0 || offset + size > processor->xstate_size)
        return fail(e, ENOTSUP, "this processor has no state component %d, which the image needs",
                    (int)part->component);
    if (part->size < size)
        return fail(e, EBADMSG, "state component %d of %zu bytes, not %u", (int)part->component,
                    part->size, size);
    put(area, offset, part->data, size);
    return 0;
}

static int put_extended(unsigned char *area, struct processor *processor,
                        const UserX86XsaveEntry *message, struct error *e)
{
    enum { legacy = 3 };
    const struct part parts[] = {
        {XSAVE_YMM, message->ymmh_space, message->n_ymmh_space * 4},
        {XSAVE_BNDREGS, message->bndreg_state, message->n_bndreg_state * 8},
        {XSAVE_BNDCSR, message->bndcsr_state, message->n_bndcsr_state * 8},
        {XSAVE_OPMASK, message->opmask_reg, message->n_opmask_reg * 8},
        {XSAVE_ZMM_HIGH, message->zmm_upper, message->n_zmm_upper * 8},
        {XSAVE_ZMM_16, message->hi16_zmm, message->n_hi16_zmm * 8},
        {XSAVE_PKRU, message->pkru, message->n_pkru * 4},
    };
    uint64_t present = message->xstate_bv, known = legacy;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        known |= 1ULL << parts[i].component;
    if (present & ~known)
        return fail(e, ENOTSUP, "state components %#llx are not supported",
                    (unsigned long long)(present & ~known));
    if (present & ~(uint64_t)legacy && !processor->has_layout) {
        processor->layout = xsave_layout_of_processor();
        processor->has_layout = true;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (put_part(area, processor, &parts[i], &present, e) < 0)
            return -1;
    put(area, XSAVE_LEGACY_BYTES, &present, sizeof(present));
    return 0;
}

void *xstate_of_message(struct arena *arena, struct processor *processor,
                        const UserX86FpregsEntry *message, struct error *e)
{
    uint64_t legacy = 3;
    if (processor->xstate_size < XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES) {
        fail(e, ENOTSUP, "processors without XSAVE are not supported");
        return NULL;
    }
    unsigned char *area = arena_alloc(arena, processor->xstate_size);
    if (put_legacy(area, message, e) < 0)
        return NULL;
    if (!message->xsave)
        put(area, XSAVE_LEGACY_BYTES, &legacy, sizeof(legacy));
    else if (put_extended(area, processor, message->xsave, e) < 0)
        return NULL;
    return area;
}
