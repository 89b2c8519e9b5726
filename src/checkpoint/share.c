/* Which processes share what clone(2) can share, by kcmp(2): the same id for the same object. */
#include <errno.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/tree.h"

enum { dumpers_own_id = 1 };

/* Tasks in the kernel's own order of one kind of object, one per distinct object. */
typedef VEC(struct task *) task_order;

static uint32_t *id_field(struct task *task, int type)
{
    switch (type) {
    case KCMP_VM:
        return &task->vm_id;
    case KCMP_FILES:
        return &task->files_id;
    case KCMP_FS:
        return &task->fs_id;
    default:
        return &task->sighand_id;
    }
}

/* Finds the task with the same object, or the place where this one belongs. */
static int search(const task_order *order, const struct task *task, int type, size_t *place)
{
    size_t low = 0, high = order->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        long relation =
            syscall(SYS_kcmp, task->owner.pid, order->items[middle]->owner.pid, type, 0UL, 0UL);
        if (relation < 0)
            return -1;
        if (relation == 0) {
            *place = middle;
            return 1;
        }
        if (relation == 1)
            high = middle;
        else
            low = middle + 1;
    }
    *place = low;
    return 0;
}

static int number_objects(struct tree *tree, int type, struct error *e)
{
    task_order order = {0};
    uint32_t next = dumpers_own_id + 1;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        struct task *task = tree->tasks.items[i];
        size_t place = 0;
        if (task->state == TASK_DEAD)
            continue;
        int found = search(&order, task, type, &place);
        if (found < 0)
            return fail_errno(e, TASK_FORMAT ": cannot compare it with other processes",
                              TASK_NAME(task));
        if (found) {
            *id_field(task, type) = *id_field(order.items[place], type);
            continue;
        }
        *id_field(task, type) = next++;
        vec_push(tree->dump->arena, &order);
        for (size_t n = order.count - 1; n > place; n--)
            order.items[n] = order.items[n - 1];
        order.items[place] = task;
        if (type == KCMP_FILES)
            task->first_of_files = true;
        if (type == KCMP_VM)
            task->first_of_vm = true;
    }
    return 0;
}

int find_shared_structures(struct tree *tree, struct error *e)
{
    static const int types[] = {KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (number_objects(tree, types[i], e) < 0)
            return -1;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        if (task->state != TASK_DEAD && !task->first_of_vm)
            return fail(e, ENOTSUP,
                        TASK_FORMAT ": shares its memory with another process (CLONE_VM): "
                                    "not supported yet",
                        TASK_NAME(task));
    }
    return 0;
}
