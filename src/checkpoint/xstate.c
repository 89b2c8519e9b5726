#include "checkpoint/xstate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* An XSAVE area, and where what stands in it. */
struct area {
    struct arena *arena;
    const struct xsave_layout *layout;
    const unsigned char *bytes;
    size_t size;
    uint64_t present; /* components that are not in their initial state */
};

/* A copy of a state component, zeroed while it is in its initial state. NULL if the processor or
 * the area has no such component. */
static void *component_of(const struct area *area, enum xsave_component component, size_t *length)
{
    size_t offset = area->layout->component[component].offset;
    *length = area->layout->component[component].size;
    if (*length == 0)
        return NULL;
    if (!(area->present & (1ULL << component)))
        return arena_alloc(area->arena, *length);
    if (offset + *length > area->size)
        return NULL;
    return arena_copy(area->arena, area->bytes + offset, *length);
}

static void put_words(const struct area *area, enum xsave_component component, size_t *count,
                      uint32_t **words)
{
    size_t length = 0;
    *words = component_of(area, component, &length);
    *count = *words ? length / sizeof(uint32_t) : 0;
}

static void put_longs(const struct area *area, enum xsave_component component, size_t *count,
                      uint64_t **longs)
{
    size_t length = 0;
    *longs = component_of(area, component, &length);
    *count = *longs ? length / sizeof(uint64_t) : 0;
}

static UserX86XsaveEntry *extended_state(const struct area *area)
{
    UserX86XsaveEntry *xsave = arena_alloc(area->arena, sizeof(*xsave));
    user_x86_xsave_entry__init(xsave);
    xsave->xstate_bv = area->present;
    put_words(area, XSAVE_YMM, &xsave->n_ymmh_space, &xsave->ymmh_space);
    /* What is in its initial state need not burden a restore on a processor without it. */
    if (area->present & (7ULL << XSAVE_OPMASK)) {
        put_longs(area, XSAVE_OPMASK, &xsave->n_opmask_reg, &xsave->opmask_reg);
        put_longs(area, XSAVE_ZMM_HIGH, &xsave->n_zmm_upper, &xsave->zmm_upper);
        put_longs(area, XSAVE_ZMM_16, &xsave->n_hi16_zmm, &xsave->hi16_zmm);
    }
    if (area->present & (3ULL << XSAVE_BNDREGS)) {
        put_longs(area, XSAVE_BNDREGS, &xsave->n_bndreg_state, &xsave->bndreg_state);
        put_longs(area, XSAVE_BNDCSR, &xsave->n_bndcsr_state, &xsave->bndcsr_state);
    }
    if (area->present & (1ULL << XSAVE_PKRU))
        put_words(area, XSAVE_PKRU, &xsave->n_pkru, &xsave->pkru);
    return xsave;
}

UserX86FpregsEntry *xstate_to_message(struct arena *arena, const struct xsave_layout *layout,
                                      const void *xstate, size_t size, struct error *e)
{
    const unsigned char *area = xstate;
    if (size < XSAVE_LEGACY_BYTES) {
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
    if (size >= XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES) {
        struct area extended = {arena, layout, area, size, long_at(area, XSAVE_LEGACY_BYTES)};
        message->xsave = extended_state(&extended);
    }
    return message;
}
