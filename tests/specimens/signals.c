/* Signal actions with their flags and masks, blocked signals, the alternate stack. */
#include "specimen.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static volatile sig_atomic_t count;
static volatile uintptr_t stack_of_handler;

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    count += number + (info->si_code == SI_TKILL || info->si_code == SI_USER ? 0 : 1000);
    stack_of_handler = (uintptr_t)&info;
}

int main(void)
{
    struct sigaction before[65], after;
    stack_t stack = {.ss_size = 65536}, found;
    stack.ss_sp =
        mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(stack.ss_sp != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGRTMAX);
    MUST(sigaction(SIGUSR1, &action, NULL) == 0);
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
    MUST(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    MUST(signal(SIGHUP, SIG_IGN) != SIG_ERR && signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    sigset_t mask, mask_after;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGRTMAX - 1);
    MUST(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
    for (int i = 1; i <= 64; i++)
        sigaction(i, NULL, &before[i]);

    specimen_ready();

    for (int i = 1; i <= 64; i++) {
        if (sigaction(i, NULL, &after) < 0)
            continue;
        DEMAND(after.sa_sigaction == before[i].sa_sigaction);
        DEMAND(after.sa_flags == before[i].sa_flags);
        DEMAND(memcmp(&after.sa_mask, &before[i].sa_mask, 8) == 0);
    }
    DEMAND(sigprocmask(SIG_SETMASK, NULL, &mask_after) == 0 && memcmp(&mask, &mask_after, 8) == 0);
    DEMAND(sigaltstack(NULL, &found) == 0 && found.ss_sp == stack.ss_sp);
    DEMAND(found.ss_size == stack.ss_size && found.ss_flags == stack.ss_flags);
    raise(SIGUSR1);
    DEMAND(count == SIGUSR1);
    DEMAND(stack_of_handler - (uintptr_t)stack.ss_sp < stack.ss_size);
    specimen_end();
}
