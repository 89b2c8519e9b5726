/* The XSAVE area of x86-64 as CRIU's message. */
#ifndef STASIS_CHECKPOINT_XSTATE_H
#define STASIS_CHECKPOINT_XSTATE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "images.pb-c.h"
#include "kernel/xsave.h"

/* Converts an area as PTRACE_GETREGSET NT_X86_XSTATE gives it. NULL with *e if it is too short. */
UserX86FpregsEntry *xstate_to_message(struct arena *arena, const struct xsave_layout *layout,
                                      const void *xstate, size_t size, struct error *e);

#endif
