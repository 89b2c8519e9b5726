/* The life of a vessel, told in the order of its script. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include "restore/vessel.h"

/* The C library of the builder registered its thread; the kernel would write into memory that is
 * no longer there. Later versions of it register more than the 32 bytes of the first. */
static void write_forgetting_rseq(struct script *script)
{
    uint64_t address = (uint64_t)((char *)__builtin_thread_pointer() + __rseq_offset);
    uint32_t sizes[] = {32, (__rseq_size + 31) & ~31U};
    if (__rseq_size == 0)
        return;
    for (int i = 0; i < 2; i++)
        SCRIPT_CALL(script, "forget the builder's rseq", SYS_rseq, address, sizes[i],
                    RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static void write_entering(struct tree *tree, struct script *script,
                           const struct cgroup_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++)
        MUST(script, "enter a cgroup", SYS_write, (uint64_t)doors->tasks[i],
             script_data(&tree->area, "0", 1), 1);
}

/* The descriptor table is the builder's own until all files are staged in it. */
static void write_waiting(struct tree *tree, struct script *script)
{
    write_entering(tree, script, &tree->way.first);
    if (tree->namespaces.ids[NS_CGROUP])
        MUST(script, "make a cgroup namespace", SYS_unshare, CLONE_NEWCGROUP);
    write_entering(tree, script, &tree->way.then);
    script_post(script, "tell of cgroups", tree->has_cgroups, 1);
    script_wait_until(script, "wait for namespaces", tree->go, 1);
    MUST(script, "have descriptors of its own", SYS_unshare, CLONE_FILES);
}

/* Until all are built, a vessel dies with who made it. */
static void write_birth(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    if (task == tree->root)
        write_forgetting_rseq(script);
    MUST(script, "die with the builder", SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (task != tree->root) {
        /* Or it has died already. */
        script_must_be(SCRIPT_CALL(script, "see the parent alive", SYS_getppid, 0),
                       task->as_sibling ? task->parent->pid : task->maker->pid);
        return;
    }
    struct pollfd builder = {.fd = tree->builder_pidfd, .events = POLLIN};
    script_must_be(SCRIPT_CALL(script, "see the builder alive", SYS_poll,
                               script_data(&tree->area, &builder, sizeof(builder)), 1, 0),
                   0);
    if (tree->net_namespace >= 0)
        MUST(script, "enter the network namespace", SYS_setns, (uint64_t)tree->net_namespace,
             CLONE_NEWNET);
    if (tree->go)
        write_waiting(tree, script);
}

/* What shares no pages with its maker is forked before there are any: less to copy. */
static bool is_forked_early(const struct task *task)
{
    return !task->memory || (!task->memory->origin && !task->shares_memory);
}

static void write_forks(struct tree *tree, struct task *task, enum fork_time time, bool early)
{
    for (size_t i = 0; i < task->makes.count; i++) {
        struct task *child = task->makes.items[i];
        if (child->time == time && is_forked_early(child) == early)
            write_fork(tree, task, child);
    }
}

static bool has_late_fork_before_session(const struct task *task)
{
    for (size_t i = 0; i < task->makes.count; i++)
        if (task->makes.items[i]->time == BEFORE_SESSION && !is_forked_early(task->makes.items[i]))
            return true;
    return false;
}

static int write_memory_and_forks(struct tree *tree, struct task *task, struct error *e)
{
    bool owns_memory = task->memory && !task->shares_memory;
    bool late_session = has_late_fork_before_session(task);
    if (owns_memory)
        write_clearing(tree, task);
    write_forks(tree, task, BEFORE_SESSION, true);
    if (!late_session) {
        write_session(tree, task);
        write_forks(tree, task, AFTER_SESSION, true);
    }
    if (owns_memory && write_mappings(tree, task, e) < 0)
        return -1;
    write_forks(tree, task, BEFORE_SESSION, false);
    if (late_session) {
        write_session(tree, task);
        write_forks(tree, task, AFTER_SESSION, true);
    }
    write_forks(tree, task, AFTER_SESSION, false);
    return 0;
}

static void write_parent_death_signal(struct thread *thread, struct script *script)
{
    const ThreadCoreEntry *core = thread->core->thread_core;
    MUST(script, "set the signal at the parent's death", SYS_prctl, PR_SET_PDEATHSIG,
         core->has_pdeath_sig ? core->pdeath_sig : 0);
}

/* A change of credentials makes the whole process undumpable; the leader's is the last. */
static void write_dumpable(const struct task *task, struct script *script)
{
    const MmEntry *mm = task->memory->mm;
    if (!task->shares_memory && mm->has_dumpable && (mm->dumpable == 0 || mm->dumpable == 1))
        MUST(script, "set whether it is dumpable", SYS_prctl, PR_SET_DUMPABLE,
             (uint64_t)mm->dumpable);
}

/* Filters first, while there are the rights to install them: the tracer suspends them. */
static int write_last(struct tree *tree, struct thread *thread, struct error *e)
{
    struct script *script = &thread->last;
    if (write_seccomp(tree, thread, script, e) < 0 ||
        write_credentials(tree, thread, script, e) < 0)
        return -1;
    write_parent_death_signal(thread, script);
    if (thread == &thread->task->threads.items[0])
        write_dumpable(thread->task, script);
    return script_end(script, e);
}

static int write_end(struct tree *tree, struct thread *thread, struct error *e)
{
    if (script_end(&thread->script, e) < 0)
        return -1;
    return write_last(tree, thread, e);
}

static int write_threads(struct tree *tree, struct task *task, struct error *e)
{
    for (size_t i = 1; i < task->threads.count; i++) {
        struct thread *thread = &task->threads.items[i];
        write_thread(tree, thread);
        if (write_thread_state(tree, thread, e) < 0 || write_end(tree, thread, e) < 0)
            return -1;
    }
    return 0;
}

static int write_living(struct tree *tree, struct task *task, struct error *e)
{
    struct thread *leader = &task->threads.items[0];
    if (write_memory_and_forks(tree, task, e) < 0)
        return -1;
    write_group(tree, task);
    write_reaping(tree, task);
    if (!task->shares_memory)
        write_protections(tree, task);
    if (write_threads(tree, task, e) < 0 || write_fs(tree, task, e) < 0 ||
        write_descriptors(tree, task, e) < 0)
        return -1;
    write_signal_actions(tree, task);
    write_process_state(tree, task);
    if (write_pending_signals(tree, leader, leader->core->tc->signals_s, true, e) < 0 ||
        write_thread_state(tree, leader, e) < 0 || write_timers(tree, task, e) < 0)
        return -1;
    write_limits(tree, task, &leader->script);
    return write_end(tree, leader, e);
}

/* A zombie, or one that stands in for a dead leader: it only lives to be born and to fork. */
static int write_short_life(struct tree *tree, struct task *task, struct error *e)
{
    struct thread *leader = &task->threads.items[0];
    if (!task->stand_in && write_thread_state(tree, leader, e) < 0)
        return -1;
    if (write_memory_and_forks(tree, task, e) < 0)
        return -1;
    write_group(tree, task);
    write_reaping(tree, task);
    if (task->stand_in && task->leads)
        script_wait_until(&leader->script, "wait for the process group to fill",
                          task->leads->joined, task->leads->joiners);
    write_exit(tree, task);
    return script_end(&leader->script, e);
}

/* Makers before those they make, as these build on what is left in memory by then. */
static int write_task(struct tree *tree, struct task *task, struct error *e)
{
    bool lives = !task->stand_in && task->state != TASK_DEAD;
    if ((lives ? write_living : write_short_life)(tree, task, e) < 0)
        return -1;
    for (size_t i = 0; i < task->makes.count; i++)
        if (write_task(tree, task->makes.items[i], e) < 0)
            return -1;
    return 0;
}

static int begin_thread(struct tree *tree, struct thread *thread, struct error *e)
{
    if (script_begin(&thread->script, &tree->area, false, e) < 0)
        return -1;
    thread->script.head->ended = tree->ended;
    tree->expected++;
    return script_begin(&thread->last, &tree->area, true, e);
}

static int begin_task(struct tree *tree, struct task *task, struct error *e)
{
    if (task->stand_in || task->state == TASK_DEAD) {
        task->gone = new_word(tree);
        if (script_begin(&task->threads.items[0].script, &tree->area, false, e) < 0)
            return -1;
        write_birth(tree, task);
        return 0;
    }
    for (size_t i = 0; i < task->threads.count; i++)
        if (begin_thread(tree, &task->threads.items[i], e) < 0)
            return -1;
    write_birth(tree, task);
    task->files_unused = new_word(tree);
    for (size_t i = 0; i < task->makes.count; i++)
        task->files_sharers += task->makes.items[i]->shares_files;
    return 0;
}

int begin_scripts(struct tree *tree, struct error *e)
{
    tree->ended = new_word(tree);
    for (size_t i = 0; i < tree->groups.count; i++) {
        tree->groups.items[i]->ready = new_word(tree);
        tree->groups.items[i]->joined = new_word(tree);
    }
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (begin_task(tree, tree->tasks.items[i], e) < 0)
            return -1;
    for (size_t i = 0; i < tree->stand_ins.count; i++)
        if (begin_task(tree, tree->stand_ins.items[i], e) < 0)
            return -1;
    return 0;
}

int write_scripts(struct tree *tree, struct error *e)
{
    return write_task(tree, tree->root, e);
}
