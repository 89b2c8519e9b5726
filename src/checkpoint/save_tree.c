/* pstree.img, ids-PID.img and inventory.img. */
#include "checkpoint/tree.h"
#include "objects/cgroup.h"
#include "objects/namespace.h"

enum { image_version = 2, own_id = 1 };

static void save_pstree(struct tree *tree, struct image *image)
{
    struct arena *arena = tree->dump->arena;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        PstreeEntry entry = PSTREE_ENTRY__INIT;
        entry.pid = task->owner.vpid;
        entry.ppid = task->vppid;
        entry.pgid = task->vpgid;
        entry.sid = task->vsid;
        entry.n_threads = task->threads.count ? task->threads.count : 1;
        entry.threads = arena_alloc(arena, sizeof(*entry.threads) * entry.n_threads);
        entry.threads[0] = task->owner.vpid;
        for (size_t t = 0; t < task->threads.count; t++)
            entry.threads[t] = task->threads.items[t].vtid;
        image_add(image, &entry.base);
    }
}

static int save_ids(struct tree *tree, const struct task *task, struct error *e)
{
    TaskKobjIdsEntry ids = TASK_KOBJ_IDS_ENTRY__INIT;
    ids.vm_id = task->vm_id;
    ids.files_id = task->files_id;
    ids.fs_id = task->fs_id;
    ids.sighand_id = task->sighand_id;
    namespace_image_ids(tree->dump, &ids);
    return image_write_one(tree->dump->images, IMAGE_IDS, task->owner.vpid, &ids.base, e);
}

static int save_inventory(struct tree *tree, struct error *e)
{
    InventoryEntry inventory = INVENTORY_ENTRY__INIT;
    TaskKobjIdsEntry ids = TASK_KOBJ_IDS_ENTRY__INIT;
    ids.vm_id = ids.files_id = ids.fs_id = ids.sighand_id = own_id;
    namespace_image_ids_of_dumper(&ids);
    inventory.img_version = image_version;
    inventory.has_fdinfo_per_id = inventory.fdinfo_per_id = 1;
    inventory.has_ns_per_id = inventory.ns_per_id = 1;
    inventory.root_ids = &ids;
    inventory.has_root_cg_set = 1;
    inventory.root_cg_set = CGROUP_SET_OF_DUMPER;
    inventory.has_lsmtype = 1;
    inventory.lsmtype = LSMTYPE__NO_LSM;
    return image_write_one(tree->dump->images, IMAGE_INVENTORY, 0, &inventory.base, e);
}

int save_tree_images(struct tree *tree, struct error *e)
{
    struct image *pstree = image_create(tree->dump->images, IMAGE_PSTREE, 0);
    save_pstree(tree, pstree);
    if (image_close(pstree, e) < 0)
        return -1;
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->state != TASK_DEAD && save_ids(tree, tree->tasks.items[i], e) < 0)
            return -1;
    return save_inventory(tree, e);
}
