/* The builder's side of building: the first vessel, waiting, and cleaning up after a failure.
 * See clone3(2), setns(2), futex(2). */
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/procfs.h"
#include "restore/run.h"

enum { visitor_stack = 256 * 1024 };

/* Nothing but the runner may run in the child: the builder may be one thread of many. */
static pid_t clone_root(const struct clone_args *args, const struct script *script)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof(*args));
    if (pid == 0)
        script_run_here(script);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

int start_root(struct tree *tree, struct error *e)
{
    struct thread *leader = &tree->root->threads.items[0];
    pid_t wanted = (pid_t)tree->root->pid;
    int pidfd = -1;
    struct clone_args args = {
        .flags = tree->namespaces.clone_flags | CLONE_CLEAR_SIGHAND | CLONE_PIDFD |
                 (tree->go ? CLONE_FILES : 0) |
                 (tree->way.first.v2 >= 0 ? (uint64_t)CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)&pidfd,
        .exit_signal = SIGCHLD,
        .set_tid = (uint64_t)&wanted,
        .set_tid_size = 1,
        .cgroup = (uint64_t)(tree->way.first.v2 >= 0 ? tree->way.first.v2 : 0),
    };
    leader->host_tid = clone_root(&args, &leader->script);
    if (leader->host_tid < 0) {
        leader->host_tid = 0;
        if (errno == EEXIST)
            return fail(e, EEXIST, "pid %u is in use: %s", tree->root->pid, strerror(EEXIST));
        if (errno == EPERM)
            return fail(e, EPERM,
                        TASK_FORMAT ": cannot choose its pid: this needs root "
                                    "(CAP_CHECKPOINT_RESTORE): %s",
                        TASK_NAME(tree->root), strerror(EPERM));
        return fail_errno(e, TASK_FORMAT ": cannot fork", TASK_NAME(tree->root));
    }
    tree->root_pidfd = pidfd;
    return 0;
}

struct visit {
    struct tree *tree;
    int (*function)(struct tree *tree, struct error *e);
    struct error *e;
    int result;
};

static int visit_now(void *argument)
{
    struct visit *visit = argument;
    visit->result = visit->function(visit->tree, visit->e);
    return 0;
}

/* CLONE_VFORK: the caller stands still meanwhile, as both use one thread's storage (errno). */
static int run_beside(int (*function)(void *argument), struct visit *visit)
{
    char *stack = mmap(NULL, visitor_stack, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return fail_errno(visit->e, "cannot map a stack");
    visit->result = fail(visit->e, ECHILD, "a helper in the new namespaces died");
    pid_t pid = clone(function, stack + visitor_stack, CLONE_VM | CLONE_FILES | CLONE_VFORK, visit);
    if (pid < 0)
        visit->result = fail_errno(visit->e, "cannot start a helper for the new namespaces");
    else
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
            continue;
    munmap(stack, visitor_stack);
    return visit->result;
}

/* Only children are inside a pid namespace that setns(2) entered: one more step. */
static int enter_and_visit(void *argument)
{
    struct visit *visit = argument;
    uint64_t flags = visit->tree->namespaces.clone_flags;
    if (visit->tree->namespaces.ids[NS_CGROUP])
        flags |= CLONE_NEWCGROUP;
    if (visit->tree->net_namespace >= 0)
        flags |= CLONE_NEWNET;
    /* A time namespace alone shows nothing that would be opened differently. */
    if (flags && setns(visit->tree->root_pidfd, (int)flags) < 0)
        visit->result = fail_errno(visit->e, "cannot enter the new namespaces");
    else if (flags & CLONE_NEWPID)
        visit->result = run_beside(visit_now, visit);
    else
        visit_now(visit);
    return 0;
}

int visit_root(struct tree *tree, int (*function)(struct tree *tree, struct error *e),
               struct error *e)
{
    struct visit visit = {tree, function, e, -1};
    return run_beside(enter_and_visit, &visit);
}

static _Atomic uint32_t *word_at(const struct tree *tree, uint64_t address)
{
    return script_local(&tree->area, address);
}

void let_root_go(struct tree *tree)
{
    atomic_store(word_at(tree, tree->go), 1);
    syscall(SYS_futex, word_at(tree, tree->go), FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static int report_failure(const struct tree *tree, const struct task *task,
                          const struct script *script, struct error *e)
{
    const struct script_op *op = script_local(&tree->area, script->head->failed);
    if (op->number == SYS_clone3 && op->result == -EEXIST)
        return fail(e, EEXIST, "pid %llu is in use: %s", (unsigned long long)op->argument[2],
                    strerror(EEXIST));
    script_verdict(&tree->area, script->head, e);
    return fail_in(e, TASK_FORMAT, TASK_NAME(task));
}

static bool has_failed(const struct script *script)
{
    return script->head && script->head->state == SCRIPT_FAILED;
}

static int find_failure(const struct tree *tree, const task_list *tasks, struct error *e)
{
    for (size_t i = 0; i < tasks->count; i++)
        for (size_t t = 0; t < tasks->items[i]->threads.count; t++)
            if (has_failed(&tasks->items[i]->threads.items[t].script))
                return report_failure(tree, tasks->items[i],
                                      &tasks->items[i]->threads.items[t].script, e);
    return 0;
}

/* No script can tell of a vessel that was killed: this looks for one. */
static int find_dead_vessel(struct tree *tree, struct error *e)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)tree->root_pidfd, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
        info.si_pid)
        return fail(e, ECHILD, TASK_FORMAT ": was killed while it was built (signal %d)",
                    TASK_NAME(tree->root), info.si_status);
    for (size_t i = 1; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        const struct thread *leader = &task->threads.items[0];
        struct proc_stat stat;
        struct error gone = {0};
        if (task->state == TASK_DEAD || !leader->made || leader->made->result <= 0)
            continue;
        pid_t host = host_of_vessel(tree, task);
        if (host <= 0)
            continue;
        AUTO_CLOSE int proc = proc_open(host, &gone);
        if (proc < 0 || proc_read_stat(proc, &stat, &gone) < 0 || stat.state == 'Z' ||
            stat.state == 'X')
            return fail(e, ECHILD, TASK_FORMAT ": was killed while it was built", TASK_NAME(task));
    }
    return 0;
}

int wait_for_word(struct tree *tree, uint64_t word, uint32_t value, struct error *e)
{
    const struct timespec patience = {0, 200000000};
    for (;;) {
        uint32_t now = atomic_load(word_at(tree, word));
        if (find_failure(tree, &tree->tasks, e) < 0 || find_failure(tree, &tree->stand_ins, e) < 0)
            return -1;
        if (now >= value)
            return 0;
        if (syscall(SYS_futex, word_at(tree, word), FUTEX_WAIT, now, &patience, NULL, 0) < 0 &&
            errno == ETIMEDOUT && find_dead_vessel(tree, e) < 0)
            return -1;
    }
}

int wait_until_built(struct tree *tree, struct error *e)
{
    return wait_for_word(tree, tree->ended, tree->expected, e);
}

static void kill_and_wait(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        continue;
    waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED | WNOHANG | __WALL);
}

/* Makers first: what a dead one has made is known for good. */
static void kill_makes(const struct task *maker)
{
    for (size_t i = 0; i < maker->makes.count; i++) {
        const struct task *task = maker->makes.items[i];
        const struct script_op *made = task->threads.items[0].made;
        if (!made || made->result != (int64_t)task->pid)
            continue;
        int pidfd = task->stand_in ? -1 : (int)syscall(SYS_pidfd_open, task->pid, 0);
        if (pidfd >= 0) {
            kill_and_wait(pidfd);
            close(pidfd);
        }
        kill_makes(task);
    }
}

void kill_vessels(struct tree *tree)
{
    if (tree->root_pidfd < 0)
        return;
    kill_and_wait(tree->root_pidfd);
    /* A pid namespace dies with its first process. */
    if (!(tree->namespaces.clone_flags & CLONE_NEWPID))
        kill_makes(tree->root);
}
