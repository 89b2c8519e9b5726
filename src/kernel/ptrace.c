#include "kernel/ptrace.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Results that the kernel uses between a signal and the restart of a system call
 * (include/linux/errno.h); user space never sees them, a ptracer does. */
enum {
    KERNEL_ERESTARTSYS = 512,
    KERNEL_ERESTARTNOINTR = 513,
    KERNEL_ERESTARTNOHAND = 514,
    KERNEL_ERESTART_RESTARTBLOCK = 516,
};

enum { stop_limit_seconds = 10 };

static int trace(long request, pid_t tid, uint64_t address, uint64_t data)
{
    return (int)ptrace((enum __ptrace_request)request, tid, (void *)address, (void *)data);
}

int tracee_seize_and_interrupt(pid_t tid, uint64_t options, struct error *e)
{
    if (trace(PTRACE_SEIZE, tid, 0, options) < 0)
        return fail_errno(e, "cannot seize thread %d", (int)tid);
    if (trace(PTRACE_INTERRUPT, tid, 0, 0) < 0 && errno != ESRCH) {
        fail_errno(e, "cannot interrupt thread %d", (int)tid);
        tracee_detach(tid);
        return -1;
    }
    return 0;
}

/* A thread that waits in the kernel where signals cannot reach it (for a vfork(2) child, for a dead
 * file server) may never stop; waitpid(2) knows no time limit. */
static int wait_within_limit(pid_t tid, int *status, struct error *e)
{
    enum { yields = 200, first_nap = 50 * 1000, longest_nap = 5 * 1000 * 1000 };
    struct timespec nap = {0, first_nap};
    for (int64_t waited = 0, turn = 0;; turn++) {
        pid_t got = waitpid(tid, status, __WALL | WNOHANG);
        if (got == tid)
            return 0;
        if (got < 0 && errno != EINTR)
            return fail_errno(e, "cannot wait for thread %d", (int)tid);
        if (turn < yields) {
            sched_yield();
            continue;
        }
        if (waited > stop_limit_seconds * 1000000000LL)
            return fail(e, ETIMEDOUT, "thread %d did not stop within %d s: it waits in the kernel",
                        (int)tid, stop_limit_seconds);
        nanosleep(&nap, NULL);
        waited += nap.tv_nsec;
        nap.tv_nsec = nap.tv_nsec * 2 > longest_nap ? longest_nap : nap.tv_nsec * 2;
    }
}

int tracee_wait_stop(pid_t tid, bool *group_stopped, struct error *e)
{
    for (;;) {
        int status;
        if (wait_within_limit(tid, &status, e) < 0)
            return -1;
        if (!WIFSTOPPED(status))
            return fail(e, ESRCH, "thread %d exited while it was being frozen", (int)tid);
        int signal = WSTOPSIG(status);
        if (status >> 16 == PTRACE_EVENT_STOP) {
            *group_stopped =
                signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
            return 0;
        }
        /* A signal on its way, or an event: it goes on, and the interrupt still comes. */
        if (trace(PTRACE_CONT, tid, 0, (uint64_t)(status >> 16 ? 0 : signal)) < 0)
            return fail_errno(e, "cannot continue thread %d", (int)tid);
    }
}

int tracee_seize(pid_t tid, uint64_t options, bool *group_stopped, struct error *e)
{
    if (tracee_seize_and_interrupt(tid, options, e) < 0)
        return -1;
    if (tracee_wait_stop(tid, group_stopped, e) < 0) {
        tracee_detach(tid);
        return -1;
    }
    return 0;
}

void tracee_detach(pid_t tid)
{
    trace(PTRACE_DETACH, tid, 0, 0);
}

int tracee_get_registers(pid_t tid, struct user_regs_struct *registers, struct error *e)
{
    struct iovec area = {registers, sizeof(*registers)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &area) < 0)
        return fail_errno(e, "cannot read the registers of thread %d", (int)tid);
    if (area.iov_len != sizeof(*registers))
        return fail(e, ENOTSUP, "thread %d: 32-bit processes are not supported", (int)tid);
    return 0;
}

int tracee_set_registers(pid_t tid, const struct user_regs_struct *registers, struct error *e)
{
    struct iovec area = {(void *)registers, sizeof(*registers)};
    if (ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &area) < 0)
        return fail_errno(e, "cannot set the registers of thread %d", (int)tid);
    return 0;
}

void *tracee_get_xstate(pid_t tid, struct arena *arena, size_t *size, struct error *e)
{
    unsigned char buffer[16384];
    struct iovec area = {buffer, sizeof(buffer)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &area) < 0) {
        fail_errno(e, "cannot read the extended state of thread %d", (int)tid);
        return NULL;
    }
    *size = area.iov_len;
    return arena_copy(arena, buffer, area.iov_len);
}

int tracee_get_signal_mask(pid_t tid, uint64_t *mask, struct error *e)
{
    if (trace(PTRACE_GETSIGMASK, tid, sizeof(*mask), (uint64_t)mask) < 0)
        return fail_errno(e, "cannot read the signal mask of thread %d", (int)tid);
    return 0;
}

int tracee_set_signal_mask(pid_t tid, uint64_t mask, struct error *e)
{
    if (trace(PTRACE_SETSIGMASK, tid, sizeof(mask), (uint64_t)&mask) < 0)
        return fail_errno(e, "cannot set the signal mask of thread %d", (int)tid);
    return 0;
}

int tracee_peek_signals(pid_t tid, bool shared, struct arena *arena, pending_signals *signals,
                        struct error *e)
{
    memset(signals, 0, sizeof(*signals));
    for (;;) {
        siginfo_t batch[32];
        struct __ptrace_peeksiginfo_args range = {
            .off = signals->count,
            .flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
            .nr = sizeof(batch) / sizeof(*batch),
        };
        int count = trace(PTRACE_PEEKSIGINFO, tid, (uint64_t)&range, (uint64_t)batch);
        if (count < 0)
            return fail_errno(e, "cannot read the pending signals of thread %d", (int)tid);
        if (count == 0)
            return 0;
        for (int i = 0; i < count; i++)
            vec_add(arena, signals, batch[i]);
    }
}

/* Lets the thread run by `request` until it traps. One that job control had stopped reports that
 * stop once more on the way, and is sent on. */
static int run_to_trap(pid_t tid, long request, struct error *e)
{
    for (;;) {
        int status;
        if (trace(request, tid, 0, 0) < 0)
            return fail_errno(e, "cannot continue thread %d", (int)tid);
        while (waitpid(tid, &status, __WALL) < 0)
            if (errno != EINTR)
                return fail_errno(e, "cannot wait for thread %d", (int)tid);
        if (!WIFSTOPPED(status))
            return fail(e, ESRCH, "thread %d died while it ran a script", (int)tid);
        if (WSTOPSIG(status) == SIGTRAP && status >> 16 == 0)
            return 0;
        if (status >> 16 != PTRACE_EVENT_STOP)
            return fail(e, EINTR, "thread %d stopped unexpectedly (signal %d, event %d)", (int)tid,
                        WSTOPSIG(status), status >> 16);
    }
}

int tracee_call(pid_t tid, const struct user_regs_struct *registers, uint64_t gadget, long number,
                const uint64_t argument[6], int64_t *result, struct error *e)
{
    struct user_regs_struct call = *registers;
    call.rip = gadget;
    call.rax = (uint64_t)number;
    call.orig_rax = UINT64_MAX; /* or the kernel would restart what the freeze interrupted */
    call.rdi = argument[0];
    call.rsi = argument[1];
    call.rdx = argument[2];
    call.r10 = argument[3];
    call.r8 = argument[4];
    call.r9 = argument[5];
    if (tracee_set_registers(tid, &call, e) < 0)
        return -1;
    if (run_to_trap(tid, PTRACE_SINGLESTEP, e) < 0 || tracee_get_registers(tid, &call, e) < 0)
        return -1;
    *result = (int64_t)call.rax;
    return 0;
}

int tracee_run_until_trap(pid_t tid, const struct user_regs_struct *registers, uint64_t entry,
                          uint64_t head, struct error *e)
{
    struct user_regs_struct run = *registers;
    run.rip = entry;
    run.r13 = head;
    run.rax = 0;
    run.orig_rax = UINT64_MAX;
    if (tracee_set_registers(tid, &run, e) < 0)
        return -1;
    return run_to_trap(tid, PTRACE_CONT, e);
}

/* nanosleep(2) and clock_nanosleep(2) have written the time that remains to where the caller wants
 * it: sleeping on from there, not from the beginning, is what the restart block would have done. */
static void sleep_on_for_what_remains(struct user_regs_struct *registers)
{
    if (registers->orig_rax == SYS_nanosleep && registers->rsi)
        registers->rdi = registers->rsi;
    if (registers->orig_rax == SYS_clock_nanosleep && registers->r10)
        registers->rdx = registers->r10;
}

/* System calls that fail with EINTR even where a stop interrupts them (signal(7)): nobody but the
 * freeze did, unless a signal waits, and the program must not notice the freeze. */
static bool fails_when_stopped(uint64_t number)
{
    static const uint16_t calls[] = {
        SYS_epoll_wait, SYS_epoll_pwait,    SYS_epoll_pwait2,  SYS_rt_sigtimedwait, SYS_semop,
        SYS_semtimedop, SYS_io_getevents,   SYS_io_pgetevents, SYS_accept,          SYS_accept4,
        SYS_connect,    SYS_recvfrom,       SYS_recvmsg,       SYS_recvmmsg,        SYS_sendto,
        SYS_sendmsg,    SYS_sendmmsg,       SYS_read,          SYS_readv,           SYS_write,
        SYS_writev,     SYS_io_uring_enter,
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (calls[i] == number)
            return true;
    return false;
}

static void enter_again(struct user_regs_struct *registers)
{
    registers->rax = registers->orig_rax;
    registers->rip -= 2; /* the length of SYSCALL */
}

struct user_regs_struct registers_to_go_on(const struct user_regs_struct *frozen,
                                           enum signal_waiting signal)
{
    struct user_regs_struct on = *frozen;
    if ((int64_t)on.orig_rax < 0)
        return on;
    switch (-(int64_t)on.rax) {
    case KERNEL_ERESTART_RESTARTBLOCK:
        if (signal == NO_SIGNAL_WAITS)
            sleep_on_for_what_remains(&on);
        __attribute__((fallthrough));
    case KERNEL_ERESTARTNOHAND:
        if (signal != NO_SIGNAL_WAITS)
            on.rax = (uint64_t)-EINTR;
        else
            enter_again(&on);
        break;
    case KERNEL_ERESTARTSYS:
        if (signal == SIGNAL_INTERRUPTS)
            on.rax = (uint64_t)-EINTR;
        else
            enter_again(&on);
        break;
    case KERNEL_ERESTARTNOINTR:
        enter_again(&on);
        break;
    case EINTR:
        if (signal == NO_SIGNAL_WAITS && fails_when_stopped(on.orig_rax))
            enter_again(&on);
        break;
    default:
        break;
    }
    return on;
}
