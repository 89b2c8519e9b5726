/* A thread under ptrace(2): seizing, registers, system calls run in its name. x86-64. */
#ifndef STASIS_KERNEL_PTRACE_H
#define STASIS_KERNEL_PTRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/arena.h"
#include "base/error.h"

/* Takes the thread by PTRACE_SEIZE with `options` and stops it. Other stops on the way (of signals
 * about to be delivered) are sent on. *group_stopped tells a thread that job control had stopped.
 * 0; -1 with *e (ESRCH: gone, EPERM: traced by another or not allowed). */
int tracee_seize(pid_t tid, uint64_t options, bool *group_stopped, struct error *e);

/* The two halves of it, so that many threads can be stopped at the cost of one. */
int tracee_seize_and_interrupt(pid_t tid, uint64_t options, struct error *e);
int tracee_wait_stop(pid_t tid, bool *group_stopped, struct error *e);

/* Lets it go on. A thread that is gone is no error. */
void tracee_detach(pid_t tid);

int tracee_get_registers(pid_t tid, struct user_regs_struct *registers, struct error *e);
int tracee_set_registers(pid_t tid, const struct user_regs_struct *registers, struct error *e);

/* The XSAVE area (PTRACE_GETREGSET NT_X86_XSTATE), in the arena. */
void *tracee_get_xstate(pid_t tid, struct arena *arena, size_t *size, struct error *e);

int tracee_get_signal_mask(pid_t tid, uint64_t *mask, struct error *e);
int tracee_set_signal_mask(pid_t tid, uint64_t mask, struct error *e);

/* Pending signals (PTRACE_PEEKSIGINFO): of the thread, or those shared by its process. */
typedef VEC(siginfo_t) pending_signals;
int tracee_peek_signals(pid_t tid, bool shared, struct arena *arena, pending_signals *signals,
                        struct error *e);

/* Runs one system call in the stopped thread: `gadget` is the address of a SYSCALL instruction in
 * its memory, `registers` its registers, which are not put back. The result, which may be a
 * negative errno, goes to *result. */
int tracee_call(pid_t tid, const struct user_regs_struct *registers, uint64_t gadget, long number,
                const uint64_t argument[6], int64_t *result, struct error *e);

/* Lets a stopped thread run at `entry` with r13 = `head` until it traps (SIGTRAP). */
int tracee_run_until_trap(pid_t tid, const struct user_regs_struct *registers, uint64_t entry,
                          uint64_t head, struct error *e);

/* Is a signal with a handler about to be delivered to the thread? */
enum signal_waiting { NO_SIGNAL_WAITS, SIGNAL_RESTARTS, SIGNAL_INTERRUPTS };

/* Registers as they must be for the thread to go on where the freeze interrupted it: an interrupted
 * system call is set up to be entered again, or, where a waiting signal forbids that, to fail with
 * EINTR. SIGNAL_RESTARTS: the handler has SA_RESTART. See signal(7). */
struct user_regs_struct registers_to_go_on(const struct user_regs_struct *frozen,
                                           enum signal_waiting signal);

#endif
