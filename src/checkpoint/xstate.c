#include "checkpoint/xstate.h"

#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { legacy_size = 512, header_size = 64 };

enum component { YMM = 2, BNDREGS = 3, BNDCSR = 4, OPMASK = 5, ZMM_HIGH = 6, ZMM_16 = 7, PKRU = 9 };

static uint32_t word_at(const unsigned char *area, size_t offset)
{
    uint32_t word;
    memcpy(&word, area + offset, sizeof(word));
    return word;
}

static uint64_t long_at(const unsigned char *area, size_t offset)
{
    uint64_t value;
    memcpy(&value, area + offset, sizeof(value));
    return value;
}

static uint32_t half_at(const unsigned char *area, size_t offset)
{
    uint16_t half;
    memcpy(&half, area + offset, sizeof(half));
    return half;
}

/* The bytes of a state component, zeroed while the component is in its initial state. NULL if the
 * processor or the area has no such component. */
static const unsigned char *component_bytes(struct arena *arena, const unsigned char *area,
                                            size_t size, enum component component, size_t *length)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(0xd, (unsigned)component, &eax, &ebx, &ecx, &edx) || eax == 0)
        return NULL;
    *length = eax;
    if (!(long_at(area, legacy_size) & (1ULL << component)))
        return arena_alloc(arena, eax);
    return (size_t)ebx + eax <= size ? area + ebx : NULL;
}

static void put_words(struct arena *arena, const unsigned char *area, size_t size,
                      enum component component, size_t *count, uint32_t **words)
{
    size_t length = 0;
    const unsigned char *bytes = component_bytes(arena, area, size, component, &length);
    if (!bytes)
        return;
    *count = length / sizeof(uint32_t);
    *words = arena_copy(arena, bytes, length);
}

static void put_longs(struct arena *arena, const unsigned char *area, size_t size,
                      enum component component, size_t *count, uint64_t **longs)
{
    size_t length = 0;
    const unsigned char *bytes = component_bytes(arena, area, size, component, &length);
    if (!bytes)
        return;
    *count = length / sizeof(uint64_t);
    *longs = arena_copy(arena, bytes, length);
}

static UserX86XsaveEntry *extended_state(struct arena *arena, const unsigned char *area,
                                         size_t size)
{
    UserX86XsaveEntry *xsave = arena_alloc(arena, sizeof(*xsave));
    user_x86_xsave_entry__init(xsave);
    xsave->xstate_bv = long_at(area, legacy_size);
    put_words(arena, area, size, YMM, &xsave->n_ymmh_space, &xsave->ymmh_space);
    /* What is in its initial state need not burden a restore on a processor without it. */
    if (xsave->xstate_bv & (7ULL << OPMASK)) {
        put_longs(arena, area, size, OPMASK, &xsave->n_opmask_reg, &xsave->opmask_reg);
        put_longs(arena, area, size, ZMM_HIGH, &xsave->n_zmm_upper, &xsave->zmm_upper);
        put_longs(arena, area, size, ZMM_16, &xsave->n_hi16_zmm, &xsave->hi16_zmm);
    }
    if (xsave->xstate_bv & (3ULL << BNDREGS)) {
        put_longs(arena, area, size, BNDREGS, &xsave->n_bndreg_state, &xsave->bndreg_state);
        put_longs(arena, area, size, BNDCSR, &xsave->n_bndcsr_state, &xsave->bndcsr_state);
    }
    if (xsave->xstate_bv & (1ULL << PKRU))
        put_words(arena, area, size, PKRU, &xsave->n_pkru, &xsave->pkru);
    return xsave;
}

UserX86FpregsEntry *xstate_to_message(struct arena *arena, const void *xstate, size_t size,
                                      struct error *e)
{
    const unsigned char *area = xstate;
    if (size < legacy_size) {
        fail(e, EBADMSG, "extended processor state of %zu bytes is too short", size);
        return NULL;
    }
    UserX86FpregsEntry *message = arena_alloc(arena, sizeof(*message));
    user_x86_fpregs_entry__init(message);
    message->cwd = half_at(area, 0);
    message->swd = half_at(area, 2);
    message->twd = half_at(area, 4);
    message->fop = half_at(area, 6);
    message->rip = long_at(area, 8);
    message->rdp = long_at(area, 16);
    message->mxcsr = word_at(area, 24);
    message->mxcsr_mask = word_at(area, 28);
    message->n_st_space = 32;
    message->st_space = arena_copy(arena, area + 32, 128);
    message->n_xmm_space = 64;
    message->xmm_space = arena_copy(arena, area + 160, 256);
    if (size >= legacy_size + header_size)
        message->xsave = extended_state(arena, area, size);
    return message;
}
