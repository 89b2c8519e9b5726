/* In a new pid namespace vessels have ids of their own; /proc tells which are the builder's. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "kernel/procfs.h"
#include "restore/run.h"

static bool has_own_ids(const struct tree *tree)
{
    return tree->namespaces.clone_flags & CLONE_NEWPID;
}

static uint32_t id_inside(struct tree *tree, int proc, struct error *e)
{
    struct proc_status status;
    if (proc_read_status(proc, tree->restore.arena, &status, e) < 0 || status.ns_pid.count == 0)
        return 0;
    return status.ns_pid.items[status.ns_pid.count - 1];
}

static void note_threads(struct tree *tree, struct task *task, int proc)
{
    struct error ignored = {0};
    proc_numbers tids = {0};
    if (proc_list_numbers(proc, "task", tree->restore.arena, &tids, &ignored) < 0)
        return;
    for (size_t i = 0; i < tids.count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "task/%d", tids.items[i]);
        AUTO_CLOSE int dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        uint32_t inside = dir < 0 ? 0 : id_inside(tree, dir, &ignored);
        for (size_t t = 0; t < task->threads.count; t++)
            if (task->threads.items[t].tid == inside)
                task->threads.items[t].host_tid = tids.items[i];
    }
}

/* Walks down from a process by its builder's id. */
static void note_below(struct tree *tree, pid_t host)
{
    struct error ignored = {0};
    proc_numbers children = {0};
    AUTO_CLOSE int proc = proc_open(host, &ignored);
    if (proc < 0)
        return;
    struct task *task = find_task(tree, id_inside(tree, proc, &ignored));
    if (task) {
        task->threads.items[0].host_tid = host;
        if (task->threads.count > 1)
            note_threads(tree, task, proc);
    }
    if (proc_list_children(proc, tree->restore.arena, &children, &ignored) < 0)
        return;
    for (size_t i = 0; i < children.count; i++)
        note_below(tree, children.items[i]);
}

int find_hosts(struct tree *tree, struct error *e)
{
    if (has_own_ids(tree))
        note_below(tree, tree->root->threads.items[0].host_tid);
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count && task->state != TASK_DEAD; t++) {
            struct thread *thread = &task->threads.items[t];
            if (!has_own_ids(tree))
                thread->host_tid = (pid_t)thread->tid;
            if (!thread->host_tid)
                return fail(e, ESRCH, TASK_FORMAT ": thread %u is not found", TASK_NAME(task),
                            thread->tid);
        }
    }
    return 0;
}

pid_t host_of_vessel(struct tree *tree, const struct task *task)
{
    if (!has_own_ids(tree))
        return (pid_t)task->pid;
    if (!task->threads.items[0].host_tid)
        note_below(tree, tree->root->threads.items[0].host_tid);
    return task->threads.items[0].host_tid;
}
