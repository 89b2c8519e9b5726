/* Registers of the image as ptrace(2) takes them. x86-64. */
#ifndef STASIS_RESTORE_PROCESSOR_H
#define STASIS_RESTORE_PROCESSOR_H

#include <stdbool.h>
#include <sys/user.h>

#include "base/arena.h"
#include "base/error.h"
#include "images.pb-c.h"
#include "kernel/xsave.h"

/* What the processor has; the layout is only asked for where a thread needs it. */
struct processor {
    size_t xstate_size; /* bytes of NT_X86_XSTATE on this machine */
    bool has_layout;
    struct xsave_layout layout;
};

struct user_regs_struct registers_of_message(const UserX86RegsEntry *message);

/* An XSAVE area of processor->xstate_size bytes, in the arena. NULL with *e where the image needs
 * what this processor does not have. */
void *xstate_of_message(struct arena *arena, struct processor *processor,
                        const UserX86FpregsEntry *message, struct error *e);

#endif
