/* mm-PID.img: checks the mappings of a process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "restore/tree.h"

enum { most_mappings = 1000000 };

static int check_mapping(const struct task *task, const VmaEntry *vma, uint64_t end_of_last,
                         struct error *e)
{
    if (vma->start % PAGE_BYTES || vma->end % PAGE_BYTES || vma->start >= vma->end ||
        vma->end > ADDRESSES_END || vma->start < end_of_last || vma->pgoff % PAGE_BYTES ||
        vma->prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
        return fail(e, EBADMSG, TASK_FORMAT ": mapping %#llx-%#llx is damaged", TASK_NAME(task),
                    (unsigned long long)vma->start, (unsigned long long)vma->end);
    if (vma->status & ~(uint32_t)MAPPING_KNOWN || vma->flags & MAP_HUGETLB)
        return fail(e, ENOTSUP, TASK_FORMAT ": mapping %#llx-%#llx: status %#x is not supported",
                    TASK_NAME(task), (unsigned long long)vma->start, (unsigned long long)vma->end,
                    vma->status);
    uint32_t kind = vma->status & (MAPPING_FILE_PRIVATE | MAPPING_FILE_SHARED |
                                   MAPPING_ANON_SHARED | MAPPING_ANON_PRIVATE);
    if (kind == 0 || kind & (kind - 1))
        return fail(e, EBADMSG, TASK_FORMAT ": mapping %#llx-%#llx is of no kind", TASK_NAME(task),
                    (unsigned long long)vma->start, (unsigned long long)vma->end);
    return 0;
}

static void note_special(struct memory *memory)
{
    for (size_t i = 0; i < memory->mappings.count; i++) {
        const struct mapping *mapping = &memory->mappings.items[i];
        if (mapping->vma->status & MAPPING_VDSO)
            memory->vdso = mapping;
        else if (mapping->vma->status & MAPPING_VVAR)
            memory->vvar = mapping;
    }
}

static int check_mappings(struct tree *tree, const struct task *task, struct memory *memory,
                          struct error *e)
{
    if (memory->mm->n_vmas > most_mappings)
        return fail(e, EBADMSG, TASK_FORMAT ": too many mappings", TASK_NAME(task));
    uint64_t end = 0;
    for (size_t i = 0; i < memory->mm->n_vmas; i++) {
        VmaEntry *vma = memory->mm->vmas[i];
        if (vma->status & MAPPING_VSYSCALL)
            continue;
        if (check_mapping(task, vma, end, e) < 0)
            return -1;
        end = vma->end;
        vec_add(tree->restore.arena, &memory->mappings,
                ((struct mapping){.vma = vma, .prot = vma->prot, .fd = -1}));
    }
    note_special(memory);
    return 0;
}

static int compare_mappings(const void *a, const void *b)
{
    const VmaEntry *left = *(VmaEntry *const *)a, *right = *(VmaEntry *const *)b;
    return (left->start > right->start) - (left->start < right->start);
}

int read_memory(struct tree *tree, struct task *task, struct error *e)
{
    struct memory *memory = arena_alloc(tree->restore.arena, sizeof(*memory));
    memory->mm = image_read_one(tree->restore.arena, tree->restore.images_dir, IMAGE_MM, task->pid,
                                &mm_entry__descriptor, e);
    if (!memory->mm)
        return -1;
    if (memory->mm->n_aios)
        return fail(e, ENOTSUP, TASK_FORMAT ": AIO contexts are not supported", TASK_NAME(task));
    if (memory->mm->n_vmas)
        qsort(memory->mm->vmas, memory->mm->n_vmas, sizeof(*memory->mm->vmas), compare_mappings);
    task->memory = memory;
    if (check_mappings(tree, task, memory, e) < 0)
        return -1;
    return find_pages_of_task(tree, task, e);
}
