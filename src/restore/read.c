/* Reads what the images say of every process, and trusts none of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "restore/tree.h"

enum {
    most_tasks = 100000,
    most_threads = 100000,
    most_pid = 4194304, /* PID_MAX_LIMIT of the kernel */
    most_fd = 1048576,
};

const char *task_name(const struct task *task)
{
    const CoreEntry *core = task->threads.count ? task->threads.items[0].core : NULL;
    return core && core->tc && core->tc->comm ? core->tc->comm : "?";
}

struct task *find_task(const struct tree *tree, uint32_t pid)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->pid == pid)
            return tree->tasks.items[i];
    return NULL;
}

struct staged_file *find_file(const struct tree *tree, uint32_t id)
{
    size_t low = 0, high = tree->files.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (tree->files.items[middle].entry->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tree->files.count && tree->files.items[low].entry->id == id
               ? &tree->files.items[low]
               : NULL;
}

static int check_ids(const PstreeEntry *entry, struct error *e)
{
    if (entry->pid == 0 || entry->pid >= most_pid || entry->ppid >= most_pid ||
        entry->pgid >= most_pid || entry->sid >= most_pid)
        return fail(e, EBADMSG, "pstree.img: process id %u is out of range", entry->pid);
    if (entry->n_threads > most_threads)
        return fail(e, EBADMSG, "pstree.img: pid %u has %zu threads", entry->pid, entry->n_threads);
    bool has_leader = entry->n_threads == 0;
    for (size_t i = 0; i < entry->n_threads; i++) {
        if (entry->threads[i] == 0 || entry->threads[i] >= most_pid)
            return fail(e, EBADMSG, "pstree.img: thread id %u is out of range", entry->threads[i]);
        has_leader |= entry->threads[i] == entry->pid;
    }
    return has_leader ? 0 : fail(e, EBADMSG, "pstree.img: pid %u has no leader", entry->pid);
}

static void add_thread(struct tree *tree, struct task *task, uint32_t tid)
{
    struct thread *thread = vec_push(tree->restore.arena, &task->threads);
    thread->task = task;
    thread->tid = tid;
}

static int read_pstree_entry(struct tree *tree, const PstreeEntry *entry, struct error *e)
{
    if (check_ids(entry, e) < 0)
        return -1;
    if (tree->tasks.count == most_tasks)
        return fail(e, EBADMSG, "pstree.img: too many processes");
    struct task *task = arena_alloc(tree->restore.arena, sizeof(*task));
    task->pid = entry->pid;
    task->ppid = entry->ppid;
    task->pgid = entry->pgid;
    task->sid = entry->sid;
    add_thread(tree, task, entry->pid);
    for (size_t i = 0; i < entry->n_threads; i++)
        if (entry->threads[i] != entry->pid)
            add_thread(tree, task, entry->threads[i]);
    vec_add(tree->restore.arena, &tree->tasks, task);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static int check_no_id_twice(const struct tree *tree, struct error *e)
{
    VEC(uint32_t) ids = {0};
    for (size_t i = 0; i < tree->tasks.count; i++)
        for (size_t t = 0; t < tree->tasks.items[i]->threads.count; t++)
            vec_add(tree->restore.arena, &ids, tree->tasks.items[i]->threads.items[t].tid);
    qsort(ids.items, ids.count, sizeof(*ids.items), compare_ids);
    for (size_t i = 1; i < ids.count; i++)
        if (ids.items[i] == ids.items[i - 1])
            return fail(e, EBADMSG, "pstree.img: id %u appears twice", ids.items[i]);
    return 0;
}

static int compare_tasks(const void *a, const void *b)
{
    const struct task *left = *(struct task *const *)a, *right = *(struct task *const *)b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

static struct task *find_sorted(struct task **sorted, size_t count, uint32_t pid)
{
    struct task key = {.pid = pid}, *pointer = &key;
    struct task **found = bsearch(&pointer, sorted, count, sizeof(*sorted), compare_tasks);
    return found ? *found : NULL;
}

/* Puts parents before their children. What no parent leads to would be left over: a circle. */
static int link_tasks(struct tree *tree, struct error *e)
{
    struct arena *arena = tree->restore.arena;
    size_t count = tree->tasks.count;
    struct task **sorted = arena_copy(arena, tree->tasks.items, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_tasks);
    for (size_t i = 0; i < count; i++) {
        struct task *task = tree->tasks.items[i];
        if (task->ppid == 0 && tree->root)
            return fail(e, EBADMSG, "pstree.img: two roots: pids %u and %u", tree->root->pid,
                        task->pid);
        if (task->ppid == 0) {
            tree->root = task;
            continue;
        }
        task->parent = find_sorted(sorted, count, task->ppid);
        if (!task->parent)
            return fail(e, EBADMSG, "pstree.img: pid %u has no parent %u", task->pid, task->ppid);
        vec_add(arena, &task->parent->children, task);
    }
    if (!tree->root)
        return fail(e, EBADMSG, "pstree.img: no root");
    task_list ordered = {0};
    vec_add(arena, &ordered, tree->root);
    for (size_t i = 0; i < ordered.count; i++)
        for (size_t c = 0; c < ordered.items[i]->children.count; c++)
            vec_add(arena, &ordered, ordered.items[i]->children.items[c]);
    if (ordered.count != count)
        return fail(e, EBADMSG, "pstree.img: processes are each other's parents");
    tree->tasks = ordered;
    return 0;
}

static int read_pstree(struct tree *tree, struct error *e)
{
    struct restore *restore = &tree->restore;
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_PSTREE, 0, e);
    if (!reader)
        return -1;
    for (;;) {
        PstreeEntry *entry = image_next(reader, &pstree_entry__descriptor, e);
        if (!entry)
            break;
        if (read_pstree_entry(tree, entry, e) < 0)
            return -1;
    }
    if (e->code || check_no_id_twice(tree, e) < 0)
        return -1;
    return link_tasks(tree, e);
}

static int read_inventory(struct tree *tree, struct error *e)
{
    struct restore *restore = &tree->restore;
    tree->inventory = image_read_one(restore->arena, restore->images_dir, IMAGE_INVENTORY, 0,
                                     &inventory_entry__descriptor, e);
    if (!tree->inventory && e->code == ENOENT)
        return fail(e, ENOENT, "no checkpoint in the image directory: inventory.img is missing");
    if (!tree->inventory)
        return -1;
    uint32_t version = tree->inventory->img_version;
    if (version < 1 || version > 2 || !tree->inventory->fdinfo_per_id ||
        !tree->inventory->ns_per_id)
        return fail(e, ENOTSUP, "inventory.img: version %u of the format is not supported",
                    version);
    return 0;
}

static int check_leader(struct task *task, const CoreEntry *core, struct error *e)
{
    const TaskCoreEntry *tc = core->tc;
    if (!tc)
        return fail(e, EBADMSG, "core-%u.img: the process is missing in it", task->pid);
    task->state = tc->task_state;
    task->exit_code = tc->exit_code;
    if (task->state != TASK_ALIVE && task->state != TASK_STOPPED && task->state != TASK_DEAD)
        return fail(e, ENOTSUP, "core-%u.img: task state %u is not supported", task->pid,
                    task->state);
    if (tc->n_sigactions > 64)
        return fail(e, EBADMSG, "core-%u.img: %zu signal actions", task->pid, tc->n_sigactions);
    return 0;
}

static int read_core(struct tree *tree, struct thread *thread, struct error *e)
{
    struct restore *restore = &tree->restore;
    struct task *task = thread->task;
    thread->core = image_read_one(restore->arena, restore->images_dir, IMAGE_CORE, thread->tid,
                                  &core_entry__descriptor, e);
    if (!thread->core)
        return -1;
    if (thread->core->mtype != CORE_ENTRY__MARCH__X86_64)
        return fail(e, ENOTSUP, "core-%u.img: of another processor", thread->tid);
    if (thread->tid == task->pid && check_leader(task, thread->core, e) < 0)
        return -1;
    if (task->state == TASK_DEAD)
        return 0;
    if (!thread->core->thread_info || !thread->core->thread_core)
        return fail(e, EBADMSG, "core-%u.img: registers or thread are missing in it", thread->tid);
    if (thread->core->thread_info->gpregs->mode == USER_X86_REGS_MODE__COMPAT)
        return fail(e, ENOTSUP, "core-%u.img: 32-bit processes are not supported", thread->tid);
    return 0;
}

static int read_cores(struct tree *tree, struct task *task, struct error *e)
{
    for (size_t i = 0; i < task->threads.count; i++)
        if (read_core(tree, &task->threads.items[i], e) < 0)
            return -1;
    if (task->state == TASK_DEAD)
        task->threads.count = 1;
    return 0;
}

static int read_ids(struct tree *tree, struct task *task, struct error *e)
{
    task->ids = task->threads.items[0].core->ids;
    if (!task->ids)
        task->ids = image_read_one(tree->restore.arena, tree->restore.images_dir, IMAGE_IDS,
                                   task->pid, &task_kobj_ids_entry__descriptor, e);
    return task->ids ? 0 : -1;
}

/* Sharing is made by the clone(2) flags of a fork, so it goes from parent to child. */
static int find_sharing(struct tree *tree, struct task *task, struct error *e)
{
    const struct task *parent = task->parent;
    if (parent && parent->ids) {
        task->shares_memory = task->ids->vm_id == parent->ids->vm_id;
        task->shares_files = task->ids->files_id == parent->ids->files_id;
        task->shares_fs = task->ids->fs_id == parent->ids->fs_id;
        task->shares_signals = task->ids->sighand_id == parent->ids->sighand_id;
    }
    for (size_t i = 0; i < tree->tasks.count && tree->tasks.items[i] != task; i++) {
        const struct task *other = tree->tasks.items[i];
        if (!other->ids || other == parent)
            continue;
        if ((!task->shares_memory && other->ids->vm_id == task->ids->vm_id) ||
            (!task->shares_files && other->ids->files_id == task->ids->files_id) ||
            (!task->shares_fs && other->ids->fs_id == task->ids->fs_id) ||
            (!task->shares_signals && other->ids->sighand_id == task->ids->sighand_id))
            return fail(e, ENOTSUP,
                        TASK_FORMAT ": shares memory, descriptors, working directory or signal "
                                    "actions with pid %u, not its parent: not supported yet",
                        TASK_NAME(task), other->pid);
    }
    if (task->shares_signals && !task->shares_memory)
        return fail(e, EBADMSG, TASK_FORMAT ": shares signal actions but not memory",
                    TASK_NAME(task));
    return 0;
}

static int read_descriptors(struct tree *tree, struct task *task, struct error *e)
{
    struct restore *restore = &tree->restore;
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_FDINFO, task->ids->files_id, e);
    if (!reader)
        return -1;
    for (;;) {
        FdinfoEntry *entry = image_next(reader, &fdinfo_entry__descriptor, e);
        if (!entry)
            return e->code ? -1 : 0;
        if (entry->fd >= most_fd)
            return fail(e, EBADMSG, TASK_FORMAT ": descriptor %u is out of range", TASK_NAME(task),
                        entry->fd);
        if ((int)entry->fd > tree->highest_fd)
            tree->highest_fd = (int)entry->fd;
        vec_add(restore->arena, &task->descriptors, entry);
    }
}

static int compare_descriptors(const void *a, const void *b)
{
    const FdinfoEntry *left = *(FdinfoEntry *const *)a, *right = *(FdinfoEntry *const *)b;
    return (left->fd > right->fd) - (left->fd < right->fd);
}

static int check_descriptors(struct task *task, struct error *e)
{
    FdinfoEntry **items = task->descriptors.items;
    size_t count = task->descriptors.count;
    if (count)
        qsort(items, count, sizeof(*items), compare_descriptors);
    for (size_t i = 1; i < count; i++)
        if (items[i]->fd == items[i - 1]->fd)
            return fail(e, EBADMSG, TASK_FORMAT ": descriptor %u appears twice", TASK_NAME(task),
                        items[i]->fd);
    return 0;
}

static int read_fs(struct tree *tree, struct task *task, struct error *e)
{
    task->fs = image_read_one(tree->restore.arena, tree->restore.images_dir, IMAGE_FS, task->pid,
                              &fs_entry__descriptor, e);
    return task->fs ? 0 : -1;
}

static int read_living(struct tree *tree, struct task *task, struct error *e)
{
    if (read_ids(tree, task, e) < 0 || find_sharing(tree, task, e) < 0)
        return -1;
    if (!task->shares_files &&
        (read_descriptors(tree, task, e) < 0 || check_descriptors(task, e) < 0))
        return -1;
    if (!task->shares_fs && read_fs(tree, task, e) < 0)
        return -1;
    if (!task->shares_memory)
        return read_memory(tree, task, e);
    task->memory = task->parent->memory;
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    const struct staged_file *left = a, *right = b;
    return (left->entry->id > right->entry->id) - (left->entry->id < right->entry->id);
}

static int read_files(struct tree *tree, struct error *e)
{
    struct restore *restore = &tree->restore;
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_FILES, 0, e);
    if (!reader)
        return e->code == ENOENT ? 0 : -1;
    for (;;) {
        FileEntry *entry = image_next(reader, &file_entry__descriptor, e);
        if (!entry)
            break;
        vec_add(restore->arena, &tree->files, ((struct staged_file){entry, -1}));
    }
    if (e->code)
        return -1;
    if (tree->files.count)
        qsort(tree->files.items, tree->files.count, sizeof(*tree->files.items), compare_files);
    for (size_t i = 1; i < tree->files.count; i++)
        if (tree->files.items[i].entry->id == tree->files.items[i - 1].entry->id)
            return fail(e, EBADMSG, "files.img: id %u appears twice",
                        tree->files.items[i].entry->id);
    return 0;
}

/* What a restore has no use for must be whole all the same: a half image is none. */
static int check_unused(struct tree *tree, struct error *e)
{
    static const struct {
        enum image_kind kind;
        const ProtobufCMessageDescriptor *descriptor;
    } unused[] = {{IMAGE_TIMENS, &timens_entry__descriptor},
                  {IMAGE_STATS_DUMP, &stats_entry__descriptor}};
    for (size_t i = 0; i < sizeof(unused) / sizeof(*unused); i++)
        if (!image_read_one(tree->restore.arena, tree->restore.images_dir, unused[i].kind, 0,
                            unused[i].descriptor, e) &&
            e->code != ENOENT)
            return -1;
    return 0;
}

int read_tree(struct tree *tree, struct error *e)
{
    if (read_inventory(tree, e) < 0 || check_unused(tree, e) < 0 || read_pstree(tree, e) < 0 ||
        read_files(tree, e) < 0)
        return -1;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        if (read_cores(tree, task, e) < 0 ||
            (task->state != TASK_DEAD && read_living(tree, task, e) < 0))
            return -1;
    }
    if (tree->root->state == TASK_DEAD)
        return fail(e, EBADMSG, "pstree.img: the root is a zombie");
    return 0;
}
