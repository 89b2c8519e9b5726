/* Forks, sessions and groups of vessels. See clone3(2), setsid(2), setpgid(2), wait4(2). */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "restore/vessel.h"

static struct script_op *write_clone(struct tree *tree, struct script *script, const char *words,
                                     const struct clone_args *wanted, uint32_t id,
                                     const struct script *child)
{
    int32_t number = (int32_t)id;
    struct clone_args args = *wanted;
    args.set_tid = script_data(&tree->area, &number, sizeof(number));
    args.set_tid_size = 1;
    struct script_op *op = SCRIPT_CALL(
        script, words, SYS_clone3, script_data(&tree->area, &args, sizeof(args)), sizeof(args), id);
    op->child = script_head_address(child);
    return script_must_be(op, id);
}

static uint64_t sharing_flags(const struct task *task)
{
    return (task->shares_memory ? CLONE_VM : 0) | (task->shares_files ? CLONE_FILES : 0) |
           (task->shares_fs ? CLONE_FS : 0) | (task->shares_signals ? CLONE_SIGHAND : 0);
}

void write_fork(struct tree *tree, struct task *maker, struct task *task)
{
    struct clone_args args = {
        .flags = sharing_flags(task) | (task->as_sibling ? CLONE_PARENT : 0),
        .exit_signal = task->as_sibling ? 0 : SIGCHLD, /* a sibling takes its maker's */
    };
    struct thread *leader = &task->threads.items[0];
    leader->made = write_clone(tree, &maker->threads.items[0].script, "fork", &args, task->pid,
                               &leader->script);
}

void write_thread(struct tree *tree, struct thread *thread)
{
    struct clone_args args = {.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                       CLONE_THREAD | CLONE_SYSVSEM};
    thread->made = write_clone(tree, &thread->task->threads.items[0].script, "make thread", &args,
                               thread->tid, &thread->script);
}

void write_session(struct tree *tree, struct task *task)
{
    (void)tree;
    if (task->sid == task->pid)
        MUST(&task->threads.items[0].script, "start a session", SYS_setsid, 0);
}

/* A leader of others is in its own group first, whatever group it goes to in the end. */
void write_group(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    uint32_t has = task->sid == task->pid ? task->pid : task->born_group;
    (void)tree;
    if ((task->leads || task->pgid == task->pid) && has != task->pid)
        MUST(script, "start a process group", SYS_setpgid, 0, 0);
    if (task->leads)
        script_post(script, "announce a process group", task->leads->ready, 1);
    if (!task->joins)
        return;
    if (task->leads)
        script_wait_until(script, "wait for the process group to fill", task->leads->joined,
                          task->leads->joiners);
    script_wait_until(script, "wait for a process group", task->joins->ready, 1);
    MUST(script, "enter a process group", SYS_setpgid, 0, task->joins->id);
    script_post(script, "tell that a process group is entered", task->joins->joined, 1);
}

static bool reaps_signals(const struct task *task)
{
    for (size_t i = 0; i < task->makes.count; i++)
        if (task->makes.items[i]->stand_in)
            return true;
    for (size_t i = 0; i < task->children.count; i++)
        if (task->children.items[i]->state == TASK_DEAD)
            return true;
    return false;
}

/* Stand-ins go, zombies have come to be; neither leaves a SIGCHLD that was not there. */
void write_reaping(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    if (!reaps_signals(task))
        return;
    for (size_t i = 0; i < task->makes.count; i++)
        if (task->makes.items[i]->stand_in)
            MUST(script, "wait for a stand-in", SYS_wait4, task->makes.items[i]->pid, 0, __WALL, 0);
    for (size_t i = 0; i < task->children.count; i++) {
        const struct task *child = task->children.items[i];
        if (child->state != TASK_DEAD)
            continue;
        script_wait_until(script, "wait for a zombie to begin", child->gone, 1);
        MUST(script, "wait for a zombie", SYS_waitid, P_PID, child->pid, 0,
             WEXITED | WNOWAIT | __WALL, 0);
    }
    uint64_t set = 1ULL << (SIGCHLD - 1);
    struct timespec now = {0};
    SCRIPT_CALL(script, "forget SIGCHLD", SYS_rt_sigtimedwait,
                script_data(&tree->area, &set, sizeof(set)), 0,
                script_data(&tree->area, &now, sizeof(now)), sizeof(set));
}

/* Dies as the image says: with an exit code, or by a signal. */
void write_exit(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    int status = (int)task->exit_code;
    if (task->gone)
        script_post(script, "tell that a zombie begins", task->gone, 1);
    if (WIFSIGNALED(status)) {
        struct {
            uint64_t handler, flags, restorer, mask;
        } fatal = {0};
        struct rlimit no_core = {0, 0};
        uint64_t none = 0;
        MUST(script, "leave no core dump", SYS_prlimit64, 0, RLIMIT_CORE,
             script_data(&tree->area, &no_core, sizeof(no_core)), 0);
        SCRIPT_CALL(script, "let a signal be fatal", SYS_rt_sigaction, (uint64_t)WTERMSIG(status),
                    script_data(&tree->area, &fatal, sizeof(fatal)), 0, sizeof(none));
        SCRIPT_CALL(script, "let signals through", SYS_rt_sigprocmask, SIG_SETMASK,
                    script_data(&tree->area, &none, sizeof(none)), 0, sizeof(none));
        MUST(script, "die by a signal", SYS_kill, task->pid, (uint64_t)WTERMSIG(status));
    }
    MUST(script, "exit", SYS_exit_group, (uint64_t)WEXITSTATUS(status));
}
