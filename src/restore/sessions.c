/* Who forks whom, and when, so that every process is in its session and group.
 *
 * A process cannot enter a session, only be born in one: children of the old session are forked
 * before setsid(2), others after it. Where the session is not the parent's, its leader forks the
 * process as a sibling (CLONE_PARENT). For a leader that is dead, a stand-in holds the id until all
 * are in. See credentials(7), setsid(2), setpgid(2). */
#include <errno.h>

#include "restore/tree.h"

static bool leads_session(const struct task *task)
{
    return task->sid == task->pid;
}

static uint32_t final_session(const struct task *task)
{
    return leads_session(task) ? task->pid : task->born_session;
}

static struct task *find_stand_in(const struct tree *tree, uint32_t pid)
{
    for (size_t i = 0; i < tree->stand_ins.count; i++)
        if (tree->stand_ins.items[i]->pid == pid)
            return tree->stand_ins.items[i];
    return NULL;
}

static void set_maker(struct tree *tree, struct task *task, struct task *maker, enum fork_time time)
{
    task->maker = maker;
    task->time = time;
    task->born_session = time == AFTER_SESSION ? final_session(maker) : maker->born_session;
    task->born_group =
        time == AFTER_SESSION && leads_session(maker) ? maker->pid : maker->born_group;
    vec_add(tree->restore.arena, &maker->makes, task);
}

static struct task *add_stand_in(struct tree *tree, uint32_t pid, uint32_t session,
                                 struct task *maker)
{
    struct task *task = arena_alloc(tree->restore.arena, sizeof(*task));
    task->stand_in = true;
    task->pid = task->pgid = pid;
    task->sid = session;
    task->parent = maker;
    struct thread *thread = vec_push(tree->restore.arena, &task->threads);
    thread->task = task;
    thread->tid = pid;
    vec_add(tree->restore.arena, &tree->stand_ins, task);
    set_maker(tree, task, maker, AFTER_SESSION);
    return task;
}

static int refuse_session(const struct task *task, struct error *e)
{
    return fail(e, ENOTSUP, TASK_FORMAT ": its session %u cannot be entered from its parent %u",
                TASK_NAME(task), task->sid, task->ppid);
}

static bool is_planned(const struct tree *tree, const struct task *task)
{
    return task == tree->root || task->maker;
}

/* The session is neither the parent's nor its own: its leader, alive or stood in for, forks it.
 * Does nothing while the leader itself is not planned yet. */
static int plan_foreign_session(struct tree *tree, struct task *task, struct error *e)
{
    struct task *leader = find_task(tree, task->sid);
    if (!leader)
        leader = find_stand_in(tree, task->sid);
    if (!leader && task->sid != 0)
        leader = add_stand_in(tree, task->sid, task->sid, task->parent);
    if (!leader || !leads_session(leader) || leader->parent != task->parent)
        return refuse_session(task, e);
    if (!is_planned(tree, leader))
        return 0;
    set_maker(tree, task, leader, AFTER_SESSION);
    task->as_sibling = true;
    return 0;
}

static int plan_session(struct tree *tree, struct task *task, struct error *e)
{
    struct task *parent = task->parent;
    if (!is_planned(tree, parent))
        return 0;
    if (leads_session(task) || task->sid == final_session(parent))
        set_maker(tree, task, parent, AFTER_SESSION);
    else if (task->sid == parent->born_session)
        set_maker(tree, task, parent, BEFORE_SESSION);
    else
        return plan_foreign_session(tree, task, e);
    return 0;
}

/* Parents and session leaders come before those that need them, in as many rounds as it takes. */
static int plan_all_sessions(struct tree *tree, struct error *e)
{
    size_t left = tree->tasks.count - 1;
    while (left > 0) {
        size_t before = left;
        for (size_t i = 1; i < tree->tasks.count; i++) {
            struct task *task = tree->tasks.items[i];
            if (task->maker)
                continue;
            if (plan_session(tree, task, e) < 0)
                return -1;
            left -= task->maker != NULL;
        }
        if (left == before)
            return fail(e, EBADMSG, "pstree.img: sessions wait for each other");
    }
    return 0;
}

static struct group *group_of(struct tree *tree, uint32_t id)
{
    for (size_t i = 0; i < tree->groups.count; i++)
        if (tree->groups.items[i]->id == id)
            return tree->groups.items[i];
    struct group *group = arena_alloc(tree->restore.arena, sizeof(*group));
    group->id = id;
    vec_add(tree->restore.arena, &tree->groups, group);
    return group;
}

static void find_leader(struct tree *tree, struct group *group, struct task *first)
{
    group->leader = find_task(tree, group->id);
    if (!group->leader)
        group->leader = find_stand_in(tree, group->id);
    if (!group->leader)
        group->leader = add_stand_in(tree, group->id, final_session(first), first);
    group->leader->leads = group;
}

static void plan_group(struct tree *tree, struct task *task)
{
    uint32_t has = leads_session(task) ? task->pid : task->born_group;
    if (task->pgid == has || task->pgid == task->pid)
        return;
    struct group *group = group_of(tree, task->pgid);
    if (!group->leader)
        find_leader(tree, group, task);
    group->joiners++;
    task->joins = group;
}

/* Leaders that wait for each other's entering would wait for ever. */
static int check_no_circle(const struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->groups.count; i++) {
        const struct task *leader = tree->groups.items[i]->leader;
        if (leader->joins && leader->joins->leader->joins)
            return fail(e, ENOTSUP, TASK_FORMAT ": group leaders in each other's groups",
                        TASK_NAME(leader));
    }
    return 0;
}

/* Session and group of the root that lie outside of the tree count as 0: they are the builder's. */
static int forget_outside(struct tree *tree, struct error *e)
{
    const struct task *root = tree->root;
    uint32_t session = root->sid, group = root->pgid;
    if (leads_session(root))
        return 0;
    if (session != 0 && !tree->restore.options->shell_job)
        return fail(e, EINVAL,
                    TASK_FORMAT ": its session %u is not in the image: --shell-job takes the "
                                "caller's",
                    TASK_NAME(root), session);
    bool foreign_group = group != root->pid && !find_task(tree, group);
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        if (task->sid == session)
            task->sid = 0;
        if (foreign_group && task->pgid == group)
            task->pgid = 0;
    }
    return 0;
}

int plan_sessions(struct tree *tree, struct error *e)
{
    if (forget_outside(tree, e) < 0 || plan_all_sessions(tree, e) < 0)
        return -1;
    for (size_t i = 0; i < tree->tasks.count; i++)
        plan_group(tree, tree->tasks.items[i]);
    return check_no_circle(tree, e);
}
