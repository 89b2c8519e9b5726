/* How a thread goes on after the freeze: whether a system call is entered again depends on the
 * signals that wait for it. */
#include <signal.h>

#include "checkpoint/tree.h"

static const uint64_t ignore_signal = 1; /* SIG_IGN as the kernel stores it; 0 is SIG_DFL */

static enum signal_waiting signal_waiting_for(const struct task *task, const struct thread *thread)
{
    const struct proc_status *status = &thread->status;
    uint64_t waiting = (status->sig_pending | status->shared_pending) & ~status->sig_blocked;
    for (int n = 1; n <= SIGNALS; n++) {
        const struct kernel_sigaction *action = &task->actions[n];
        if (waiting & (1ULL << (n - 1)) && action->handler > ignore_signal)
            return action->flags & SA_RESTART ? SIGNAL_RESTARTS : SIGNAL_INTERRUPTS;
    }
    return NO_SIGNAL_WAITS;
}

struct user_regs_struct going_registers(const struct task *task, const struct thread *thread)
{
    return registers_to_go_on(&thread->frozen, signal_waiting_for(task, thread));
}
