/* Freezing a tree: every thread of every process is seized and stopped, until a look at /proc finds
 * no thread and no child that is not stopped yet. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "checkpoint/tree.h"

enum { freeze_attempts = 1000 };

static struct task *add_task(struct tree *tree, pid_t pid, struct task *parent, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    struct task *task = arena_alloc(arena, sizeof(*task));
    task->parent = parent;
    task->owner.pid = pid;
    task->owner.pidfd = -1;
    task->state = TASK_ALIVE;
    task->owner.proc = proc_open(pid, e);
    if (task->owner.proc < 0)
        return NULL;
    vec_add(arena, &tree->tasks, task);
    if (proc_read_stat(task->owner.proc, &task->stat, e) < 0)
        return NULL;
    memcpy(task->owner.comm, task->stat.comm, sizeof(task->owner.comm));
    task->sid = task->stat.sid;
    if (task->stat.state == 'Z' || task->stat.state == 'X') {
        task->state = TASK_DEAD;
        return task;
    }
    task->owner.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (task->owner.pidfd < 0) {
        fail_errno(e, TASK_FORMAT ": cannot open a pidfd", TASK_NAME(task));
        return NULL;
    }
    return task;
}

static struct thread *find_thread(struct task *task, pid_t tid)
{
    for (size_t i = 0; i < task->threads.count; i++)
        if (task->threads.items[i].tid == tid)
            return &task->threads.items[i];
    return NULL;
}

/* Seizes the threads of `tids` that are not stopped yet. The number of new ones, or -1. Threads
 * that exited meanwhile do not count. */
static int seize_new_threads(struct tree *tree, struct task *task, const proc_numbers *tids,
                             struct error *e)
{
    int added = 0;
    size_t old = task->threads.count;
    for (size_t i = 0; i < tids->count; i++) {
        pid_t tid = tids->items[i];
        if (find_thread(task, tid))
            continue;
        if (tracee_seize_and_interrupt(tid, 0, e) < 0) {
            if (e->code == ESRCH && tid != task->owner.pid)
                continue;
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        }
        struct thread *thread = vec_push(tree->dump->arena, &task->threads);
        thread->tid = tid;
        thread->seized = true;
        added++;
    }
    for (size_t i = old; i < task->threads.count; i++) {
        struct thread *thread = &task->threads.items[i];
        if (tracee_wait_stop(thread->tid, &thread->group_stopped, e) < 0) {
            thread->seized = false;
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        }
    }
    return added;
}

static int refuse_dead_leader(const struct task *task, struct error *e)
{
    struct proc_stat now;
    if (proc_read_stat(task->owner.proc, &now, e) < 0)
        return -1;
    if (now.state == 'Z')
        return fail(e, ENOTSUP,
                    TASK_FORMAT ": thread leader has exited, its threads have not: "
                                "not supported yet",
                    TASK_NAME(task));
    return 0;
}

static int freeze_threads(struct tree *tree, struct task *task, struct error *e)
{
    for (int attempt = 0; attempt < freeze_attempts; attempt++) {
        proc_numbers tids;
        if (proc_list_numbers(task->owner.proc, "task", tree->dump->arena, &tids, e) < 0)
            return fail_in(e, TASK_FORMAT, TASK_NAME(task));
        int added = seize_new_threads(tree, task, &tids, e);
        if (added < 0) {
            struct error why = *e;
            if (refuse_dead_leader(task, e) == 0)
                *e = why;
            return -1;
        }
        /* Only running threads make threads: with none new, the list is complete. */
        if (added == 0)
            return 0;
    }
    return fail(e, EAGAIN, TASK_FORMAT ": makes threads faster than they can be stopped",
                TASK_NAME(task));
}

static bool is_known(const struct tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->owner.pid == pid)
            return true;
    return false;
}

static int freeze_task(struct tree *tree, pid_t pid, struct task *parent, struct error *e)
{
    struct task *task = add_task(tree, pid, parent, e);
    if (!task)
        return -1;
    if (task->state == TASK_DEAD)
        return parent ? 0 : fail(e, ESRCH, TASK_FORMAT ": has exited already", TASK_NAME(task));
    if (freeze_threads(tree, task, e) < 0) {
        struct proc_stat now;
        struct error ignored;
        /* A child may end while it is being frozen: then it is a zombie, and dumped as one. */
        if (!parent || proc_read_stat(task->owner.proc, &now, &ignored) < 0 || now.state != 'Z' ||
            task->threads.count > 1)
            return -1;
        task->threads.count = 0;
        task->stat = now;
        task->state = TASK_DEAD;
    }
    if (task->threads.count && task->threads.items[0].group_stopped)
        task->state = TASK_STOPPED;
    return 0;
}

static int freeze_children(struct tree *tree, struct task *task, struct error *e)
{
    proc_numbers children;
    if (task->state == TASK_DEAD)
        return 0;
    if (proc_list_children(task->owner.proc, tree->dump->arena, &children, e) < 0)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    for (size_t i = 0; i < children.count; i++)
        if (!is_known(tree, children.items[i]) && freeze_task(tree, children.items[i], task, e) < 0)
            return -1;
    return 0;
}

int freeze_tree(struct tree *tree, struct error *e)
{
    if (freeze_task(tree, tree->dump->options->pid, NULL, e) < 0)
        return -1;
    /* Orphans are adopted by tasks that were frozen before them: look until nothing is new. */
    for (size_t before = 0; before != tree->tasks.count;) {
        before = tree->tasks.count;
        for (size_t i = 0; i < tree->tasks.count; i++)
            if (freeze_children(tree, tree->tasks.items[i], e) < 0)
                return -1;
    }
    tree->dump->root = &tree->tasks.items[0]->owner;
    return 0;
}

static void let_go(struct thread *thread, bool leave_stopped, pid_t pid)
{
    if (!thread->seized)
        return;
    if (leave_stopped && thread->tid == pid)
        kill(pid, SIGSTOP);
    tracee_detach(thread->tid);
    thread->seized = false;
}

void thaw_tree(struct tree *tree, bool leave_stopped)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count; t++)
            let_go(&task->threads.items[t], leave_stopped, task->owner.pid);
    }
}

static void wait_for_thread(struct thread *thread)
{
    int status;
    while (waitpid(thread->tid, &status, __WALL) >= 0 || errno == EINTR)
        if (errno != EINTR && (WIFEXITED(status) || WIFSIGNALED(status)))
            break;
    thread->seized = false;
}

void kill_tree(struct tree *tree, bool wait)
{
    for (size_t i = tree->tasks.count; i-- > 0;)
        if (tree->tasks.items[i]->state != TASK_DEAD)
            kill(tree->tasks.items[i]->owner.pid, SIGKILL);
    for (size_t i = wait ? tree->tasks.count : 0; i-- > 0;) {
        struct task *task = tree->tasks.items[i];
        /* A leader is reported last, when its other threads are gone. */
        for (size_t t = task->threads.count; t-- > 0;)
            wait_for_thread(&task->threads.items[t]);
    }
}
