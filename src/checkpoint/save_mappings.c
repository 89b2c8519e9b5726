/* mm-PID.img: the mappings of a process and what prctl(PR_SET_MM_MAP) sets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "checkpoint/mapping.h"
#include "checkpoint/tree.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

static uint32_t map_flags(const struct proc_vma *vma, uint32_t status)
{
    uint32_t flags = vma->shared ? MAP_SHARED : MAP_PRIVATE;
    if (status & (MAPPING_ANON_PRIVATE | MAPPING_ANON_SHARED))
        flags |= MAP_ANONYMOUS;
    if (vma_has_flag(vma, "gd"))
        flags |= MAP_GROWSDOWN;
    if (vma_has_flag(vma, "lo"))
        flags |= MAP_LOCKED;
    if (vma_has_flag(vma, "nr"))
        flags |= MAP_NORESERVE;
    return flags;
}

/* The mapped file, opened as the mapping needs it: writable where its pages may become so. */
static int describe_file(struct tree *tree, const struct task *task, const struct proc_vma *vma,
                         VmaEntry *entry, struct error *e)
{
    char link[64];
    snprintf(link, sizeof(link), "map_files/%llx-%llx", (unsigned long long)vma->start,
             (unsigned long long)vma->end);
    entry->has_fdflags = 1;
    entry->fdflags = vma->shared && vma_has_flag(vma, "mw") ? O_RDWR : O_RDONLY;
    entry->shmid = path_image_id(tree->dump, &task->owner, link, entry->fdflags, e);
    entry->pgoff = vma->offset;
    return entry->shmid ? 0 : -1;
}

static VmaEntry *describe_mapping(struct tree *tree, const struct task *task,
                                  const struct proc_vma *vma, struct error *e)
{
    uint32_t status = mapping_status_of(task, vma, e);
    if (!status)
        return NULL;
    VmaEntry *entry = arena_alloc(tree->dump->arena, sizeof(*entry));
    vma_entry__init(entry);
    entry->start = vma->start;
    entry->end = vma->end;
    entry->prot = vma->prot;
    entry->flags = map_flags(vma, status);
    entry->status = status;
    entry->fd = -1;
    if (status & MAPPING_ANON_SHARED) {
        entry->shmid = vma->inode;
        entry->pgoff = vma->offset;
    }
    if (status & (MAPPING_FILE_PRIVATE | MAPPING_FILE_SHARED) &&
        describe_file(tree, task, vma, entry, e) < 0)
        return NULL;
    uint64_t advice = mapping_advice(vma);
    entry->has_madv = advice != 0;
    entry->madv = advice;
    return entry;
}

/* [vvar] and [vvar_vclock] stand side by side since Linux 6.13 and are one mapping to an image. */
static bool extends_vvar(const MmEntry *mm, const VmaEntry *entry)
{
    if (mm->n_vmas == 0 || !(entry->status & MAPPING_VVAR))
        return false;
    const VmaEntry *last = mm->vmas[mm->n_vmas - 1];
    return last->status & MAPPING_VVAR && last->end == entry->start;
}

static int describe_mappings(struct tree *tree, const struct task *task, MmEntry *mm,
                             struct error *e)
{
    mm->vmas = arena_alloc(tree->dump->arena, sizeof(*mm->vmas) * (task->vmas.count + 1));
    for (size_t i = 0; i < task->vmas.count; i++) {
        VmaEntry *entry = describe_mapping(tree, task, &task->vmas.items[i], e);
        if (!entry)
            return -1;
        if (extends_vvar(mm, entry))
            mm->vmas[mm->n_vmas - 1]->end = entry->end;
        else
            mm->vmas[mm->n_vmas++] = entry;
    }
    return 0;
}

static int read_auxv(struct tree *tree, const struct task *task, MmEntry *mm, struct error *e)
{
    size_t size = 0;
    uint64_t *auxv =
        (uint64_t *)read_file_at(task->owner.proc, "auxv", tree->dump->arena, &size, e);
    if (!auxv)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    size_t count = 0;
    while (count + 1 < size / sizeof(*auxv) && auxv[count])
        count += 2;
    mm->n_mm_saved_auxv = count;
    mm->mm_saved_auxv = auxv;
    return 0;
}

static int save_mm(struct tree *tree, const struct task *task, struct error *e)
{
    MmEntry mm = MM_ENTRY__INIT;
    mm.mm_start_code = task->stat.start_code;
    mm.mm_end_code = task->stat.end_code;
    mm.mm_start_data = task->stat.start_data;
    mm.mm_end_data = task->stat.end_data;
    mm.mm_start_stack = task->stat.start_stack;
    mm.mm_start_brk = task->stat.start_brk;
    mm.mm_brk = task->brk;
    mm.mm_arg_start = task->stat.arg_start;
    mm.mm_arg_end = task->stat.arg_end;
    mm.mm_env_start = task->stat.env_start;
    mm.mm_env_end = task->stat.env_end;
    mm.has_dumpable = 1;
    mm.dumpable = task->dumpable;
    mm.has_thp_disabled = 1;
    mm.thp_disabled = task->thp_disabled;
    mm.exe_file_id = path_image_id(tree->dump, &task->owner, "exe", O_RDONLY, e);
    if (!mm.exe_file_id || read_auxv(tree, task, &mm, e) < 0 ||
        describe_mappings(tree, task, &mm, e) < 0)
        return -1;
    return image_write_one(tree->dump->images, IMAGE_MM, task->owner.vpid, &mm.base, e);
}

int save_mappings(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->state != TASK_DEAD && save_mm(tree, tree->tasks.items[i], e) < 0)
            return -1;
    return 0;
}
