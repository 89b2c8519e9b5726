/* Plans of a restore: who forks whom, and what of a fork's memory stays. No process is made. */
#include <stdlib.h>
#include <sys/mman.h>

#include "restore/tree.h"
#include "unit.h"

static struct stasis_options plain_options;

static struct tree *make_tree(void)
{
    struct arena *arena = arena_new();
    struct tree *tree = arena_alloc(arena, sizeof(*tree));
    tree->restore.arena = arena;
    tree->restore.options = &plain_options;
    return tree;
}

static struct task *add_task(struct tree *tree, uint32_t pid, struct task *parent, uint32_t session,
                             uint32_t group)
{
    struct task *task = arena_alloc(tree->restore.arena, sizeof(*task));
    task->pid = pid;
    task->ppid = parent ? parent->pid : 0;
    task->parent = parent;
    task->sid = session;
    task->pgid = group;
    task->state = TASK_ALIVE;
    struct thread *leader = vec_push(tree->restore.arena, &task->threads);
    leader->task = task;
    leader->tid = pid;
    vec_add(tree->restore.arena, &tree->tasks, task);
    if (!parent)
        tree->root = task;
    return task;
}

static const char *children_of_the_old_session_come_first(void)
{
    struct error e = {0};
    struct tree *tree = make_tree();
    struct task *root = add_task(tree, 10, NULL, 10, 10);
    struct task *middle = add_task(tree, 11, root, 11, 11);
    struct task *old = add_task(tree, 12, middle, 10, 10);
    struct task *new = add_task(tree, 13, middle, 11, 11);
    CHECK(plan_sessions(tree, &e) == 0);
    CHECK(old->maker == middle && old->time == BEFORE_SESSION && old->born_group == 10);
    CHECK(new->maker == middle &&new->time == AFTER_SESSION &&new->born_group == 11);
    CHECK(!old->joins && !new->joins && tree->groups.count == 0 && tree->stand_ins.count == 0);
    arena_free(tree->restore.arena);
    return NULL;
}

/* 12 was forked by 11, and came to 10 when its own parent died. */
static const char *a_leader_forks_orphans_of_its_session_as_siblings(void)
{
    struct error e = {0};
    struct tree *tree = make_tree();
    struct task *root = add_task(tree, 10, NULL, 10, 10);
    struct task *orphan = add_task(tree, 12, root, 11, 11);
    struct task *leader = add_task(tree, 11, root, 11, 11);
    CHECK(plan_sessions(tree, &e) == 0);
    CHECK(orphan->maker == leader && orphan->as_sibling && orphan->time == AFTER_SESSION);
    arena_free(tree->restore.arena);
    return NULL;
}

static const char *a_stand_in_takes_the_place_of_a_dead_leader(void)
{
    struct error e = {0};
    struct tree *tree = make_tree();
    struct task *root = add_task(tree, 10, NULL, 10, 10);
    struct task *orphan = add_task(tree, 12, root, 11, 11);
    struct task *member = add_task(tree, 13, root, 10, 20);
    CHECK(plan_sessions(tree, &e) == 0);
    CHECK(tree->stand_ins.count == 2);
    CHECK(orphan->maker->stand_in && orphan->maker->pid == 11 && orphan->as_sibling);
    CHECK(orphan->maker->maker == root && !orphan->joins);
    CHECK(member->joins && member->joins->leader->stand_in && member->joins->id == 20);
    CHECK(member->joins->leader->maker == member && member->joins->joiners == 1);
    arena_free(tree->restore.arena);
    return NULL;
}

static const char *a_session_from_outside_needs_a_shell_job(void)
{
    struct error e = {0};
    struct tree *tree = make_tree();
    struct task *root = add_task(tree, 10, NULL, 5, 5);
    struct task *child = add_task(tree, 11, root, 5, 5);
    CHECK(plan_sessions(tree, &e) < 0 && strstr(e.text, "--shell-job"));
    struct stasis_options options = {.shell_job = true};
    tree->restore.options = &options;
    CHECK(plan_sessions(tree, &e) == 0);
    CHECK(root->sid == 0 && child->sid == 0 && !child->joins && child->maker == root);
    arena_free(tree->restore.arena);
    return NULL;
}

static VmaEntry *new_vma(struct tree *tree, uint64_t start, uint64_t end, uint32_t status)
{
    VmaEntry *vma = arena_alloc(tree->restore.arena, sizeof(*vma));
    vma_entry__init(vma);
    vma->start = start;
    vma->end = end;
    vma->prot = PROT_READ | PROT_WRITE;
    vma->flags = MAP_PRIVATE | MAP_ANONYMOUS;
    vma->status = MAPPING_REGULAR | status;
    return vma;
}

static void add_mapping(struct tree *tree, struct task *task, uint64_t start, uint64_t end)
{
    if (!task->memory)
        task->memory = arena_alloc(tree->restore.arena, sizeof(*task->memory));
    vec_add(tree->restore.arena, &task->memory->mappings,
            ((struct mapping){.vma = new_vma(tree, start, end, MAPPING_ANON_PRIVATE)}));
}

static void add_pages(struct tree *tree, struct task *task, uint64_t start, uint64_t end,
                      const struct page_source *source, uint64_t offset)
{
    vec_add(tree->restore.arena, &task->memory->pages,
            ((struct page_run){start, end, offset, source}));
}

static const char *what_is_the_same_stays_the_rest_is_read_or_dropped(void)
{
    const struct page_source parents = {.fd = 1}, own = {.fd = 2};
    struct tree *tree = make_tree();
    struct task *parent = add_task(tree, 10, NULL, 10, 10);
    struct task *child = add_task(tree, 11, parent, 10, 10);
    child->maker = parent;
    add_mapping(tree, parent, 0x10000, 0x20000);
    add_mapping(tree, parent, 0x30000, 0x38000);
    add_pages(tree, parent, 0x10000, 0x14000, &parents, 0);
    add_mapping(tree, child, 0x10000, 0x18000);
    add_mapping(tree, child, 0x40000, 0x41000);
    add_pages(tree, child, 0x10000, 0x12000, &parents, 0);
    add_pages(tree, child, 0x12000, 0x13000, &own, 0);
    add_pages(tree, child, 0x40000, 0x41000, &own, 0x1000);
    plan_memory(tree, parent);
    plan_memory(tree, child);
    const struct memory *memory = child->memory;
    CHECK(!parent->memory->origin && parent->memory->read.count == 1);
    CHECK(memory->origin == parent->memory);
    CHECK(memory->mappings.items[0].inherited && !memory->mappings.items[1].inherited);
    CHECK(memory->read.count == 2 && memory->read.items[0].start == 0x12000);
    CHECK(memory->read.items[1].start == 0x40000 && memory->read.items[1].offset == 0x1000);
    CHECK(memory->drop.count == 1 && memory->drop.items[0].start == 0x13000);
    CHECK(memory->drop.items[0].end == 0x14000);
    CHECK(memory->unmap.count == 2 && memory->unmap.items[0].start == 0x18000);
    CHECK(memory->unmap.items[1].start == 0x30000 && memory->unmap.items[1].end == 0x38000);
    arena_free(tree->restore.arena);
    return NULL;
}

static const char *what_shares_nothing_is_built_anew(void)
{
    const struct page_source parents = {.fd = 1}, own = {.fd = 2};
    struct tree *tree = make_tree();
    struct task *parent = add_task(tree, 10, NULL, 10, 10);
    struct task *child = add_task(tree, 11, parent, 10, 10);
    child->maker = parent;
    add_mapping(tree, parent, 0x10000, 0x20000);
    add_pages(tree, parent, 0x10000, 0x12000, &parents, 0);
    add_mapping(tree, child, 0x10000, 0x20000);
    add_pages(tree, child, 0x10000, 0x12000, &own, 0);
    plan_memory(tree, child);
    CHECK(!child->memory->origin && !child->memory->mappings.items[0].inherited);
    CHECK(child->memory->read.count == 1 && child->memory->drop.count == 0);
    arena_free(tree->restore.arena);
    return NULL;
}

int main(void)
{
    TEST(children_of_the_old_session_come_first);
    TEST(a_leader_forks_orphans_of_its_session_as_siblings);
    TEST(a_stand_in_takes_the_place_of_a_dead_leader);
    TEST(a_session_from_outside_needs_a_shell_job);
    TEST(what_is_the_same_stays_the_rest_is_read_or_dropped);
    TEST(what_shares_nothing_is_built_anew);
    return 0;
}
