/* Memory of a vessel. See mmap(2), prctl(2) PR_SET_MM_MAP, arch_prctl(2), preadv(2). */
#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "restore/vessel.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
enum { ARCH_MAP_VDSO_64_ = 0x2003 };
enum { most_per_read = 1 << 30 }; /* the kernel reads less than 2 GiB at once */

void write_clearing(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    const struct memory *memory = task->memory;
    uint64_t area = tree->area.remote, end = area + tree->area.size;
    if (!memory->origin) {
        MUST(script, "clear memory", SYS_munmap, 0, area);
        MUST(script, "clear memory", SYS_munmap, end, ADDRESSES_END - end);
        return;
    }
    for (size_t i = 0; i < memory->unmap.count; i++) {
        const struct address_range *range = &memory->unmap.items[i];
        MUST(script, "unmap what the parent has", SYS_munmap, range->start,
             range->end - range->start);
    }
    for (size_t i = 0; i < memory->drop.count; i++) {
        const struct address_range *range = &memory->drop.items[i];
        MUST(script, "drop pages of the parent", SYS_madvise, range->start,
             range->end - range->start, MADV_DONTNEED);
    }
}

static bool same_executable(const struct memory *memory)
{
    return memory->origin && memory->origin->mm->exe_file_id == memory->mm->exe_file_id;
}

/* Before anything is mapped: the executable cannot change while the old one is. */
static int write_mm(struct tree *tree, struct task *task, struct error *e)
{
    const MmEntry *mm = task->memory->mm;
    const struct staged_file *exe = find_file(tree, mm->exe_file_id);
    if (!exe)
        return fail(e, EBADMSG, TASK_FORMAT ": its executable is not in files.img",
                    TASK_NAME(task));
    size_t auxv_size = mm->n_mm_saved_auxv * sizeof(uint64_t);
    uint64_t *auxv = script_room(&tree->area, auxv_size + 2 * sizeof(uint64_t));
    if (auxv && auxv_size)
        memcpy(auxv, mm->mm_saved_auxv, auxv_size);
    struct prctl_mm_map map = {
        .start_code = mm->mm_start_code,
        .end_code = mm->mm_end_code,
        .start_data = mm->mm_start_data,
        .end_data = mm->mm_end_data,
        .start_brk = mm->mm_start_brk,
        .brk = mm->mm_brk,
        .start_stack = mm->mm_start_stack,
        .arg_start = mm->mm_arg_start,
        .arg_end = mm->mm_arg_end,
        .env_start = mm->mm_env_start,
        .env_end = mm->mm_env_end,
        .auxv = (void *)script_remote(&tree->area, auxv),
        .auxv_size = (uint32_t)(auxv_size + 2 * sizeof(uint64_t)),
        .exe_fd = same_executable(task->memory) ? UINT32_MAX : (uint32_t)exe->fd,
    };
    MUST(&task->threads.items[0].script, "set brk, command line and executable", SYS_prctl,
         PR_SET_MM, PR_SET_MM_MAP, script_data(&tree->area, &map, sizeof(map)), sizeof(map));
    return 0;
}

static uint64_t map_flags(const VmaEntry *vma)
{
    uint64_t kept = vma->flags & (MAP_GROWSDOWN | MAP_NORESERVE | MAP_STACK);
    if (vma->status & (MAPPING_FILE_SHARED | MAPPING_ANON_SHARED))
        return MAP_SHARED | MAP_FIXED | kept;
    if (vma->status & MAPPING_FILE_PRIVATE)
        return MAP_PRIVATE | MAP_FIXED | kept;
    /* MAP_DROPPABLE takes the place of MAP_PRIVATE. */
    uint64_t type = (vma->flags & MAP_TYPE) == MAP_DROPPABLE ? MAP_DROPPABLE : MAP_PRIVATE;
    return type | MAP_ANONYMOUS | MAP_FIXED | kept;
}

static void write_mapping(struct script *script, struct mapping *mapping)
{
    const VmaEntry *vma = mapping->vma;
    bool anonymous = vma->status & MAPPING_ANON_PRIVATE;
    mapping->prot = vma->prot | (mapping->has_pages ? PROT_WRITE : 0);
    struct script_op *op = SCRIPT_CALL(
        script, "map memory", SYS_mmap, vma->start, vma->end - vma->start, mapping->prot,
        map_flags(vma), anonymous ? UINT64_MAX : (uint64_t)mapping->fd, anonymous ? 0 : vma->pgoff);
    script_must_be(op, (int64_t)vma->start);
}

/* Takes over what fork left; pages that must be read in need it writable. */
static void keep_mapping(struct script *script, struct mapping *mapping)
{
    mapping->prot = mapping->inherited->prot;
    if (mapping->has_pages && !(mapping->prot & PROT_WRITE)) {
        mapping->prot |= PROT_WRITE;
        MUST(script, "make memory writable", SYS_mprotect, mapping->vma->start,
             mapping->vma->end - mapping->vma->start, mapping->prot);
    }
}

/* The kernel maps [vvar] and behind it [vdso], both at sizes of its own: with nothing else mapped
 * yet, they fill the old place exactly only if the sizes are the old ones. */
static void write_vdso(struct task *task)
{
    static const char words[] = "map the vDSO (is the image of another kernel?)";
    struct script *script = &task->threads.items[0].script;
    const struct memory *memory = task->memory;
    if (!memory->vdso || memory->vdso->inherited)
        return;
    uint64_t start = memory->vvar ? memory->vvar->vma->start : memory->vdso->vma->start;
    uint64_t end = memory->vdso->vma->end;
    script_must_be(SCRIPT_CALL(script, words, SYS_arch_prctl, ARCH_MAP_VDSO_64_, start),
                   (int64_t)(end - memory->vdso->vma->start));
    MUST(script, words, SYS_madvise, start, end - start, MADV_NORMAL);
    script_must_be(SCRIPT_CALL(script, words, SYS_madvise, end, PAGE_BYTES, MADV_NORMAL), -ENOMEM);
}

/* As many runs as follow each other in one file, within what one preadv(2) takes. */
static size_t batch_of(const page_runs *runs, size_t first, uint64_t *bytes)
{
    size_t n = first;
    *bytes = 0;
    while (n < runs->count && n - first < 1024) {
        const struct page_run *run = &runs->items[n];
        if (n > first && (run->source != runs->items[first].source ||
                          run->offset != runs->items[first].offset + *bytes))
            break;
        uint64_t size = run->end - run->start;
        if (n > first && *bytes + size > most_per_read)
            break;
        *bytes += size;
        n++;
        if (*bytes > most_per_read)
            break;
    }
    return n - first;
}

static void write_large_read(struct script *script, const struct page_run *run)
{
    for (uint64_t done = 0, size = run->end - run->start; done < size;) {
        uint64_t part = size - done < most_per_read ? size - done : most_per_read;
        script_must_be(SCRIPT_CALL(script, "read pages", SYS_pread64, (uint64_t)run->source->fd,
                                   run->start + done, part, run->offset + done),
                       (int64_t)part);
        done += part;
    }
}

static void write_reads(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    const page_runs *runs = &task->memory->read;
    for (size_t first = 0, count; first < runs->count; first += count) {
        uint64_t bytes;
        count = batch_of(runs, first, &bytes);
        if (count == 1) {
            write_large_read(script, &runs->items[first]);
            continue;
        }
        struct iovec *parts = script_room(&tree->area, count * sizeof(*parts));
        if (!parts)
            return;
        for (size_t i = 0; i < count; i++) {
            const struct page_run *run = &runs->items[first + i];
            parts[i] = (struct iovec){(void *)run->start, run->end - run->start};
        }
        script_must_be(
            SCRIPT_CALL(script, "read pages", SYS_preadv, (uint64_t)runs->items[first].source->fd,
                        script_remote(&tree->area, parts), count, runs->items[first].offset),
            (int64_t)bytes);
    }
}

int write_mappings(struct tree *tree, struct task *task, struct error *e)
{
    struct script *script = &task->threads.items[0].script;
    struct memory *memory = task->memory;
    if (write_mm(tree, task, e) < 0)
        return -1;
    write_vdso(task);
    for (size_t i = 0; i < memory->mappings.count; i++) {
        struct mapping *mapping = &memory->mappings.items[i];
        if (mapping->vma->status & (MAPPING_VVAR | MAPPING_VDSO))
            continue;
        if (mapping->inherited)
            keep_mapping(script, mapping);
        else
            write_mapping(script, mapping);
    }
    write_reads(tree, task);
    return 0;
}

/* Only advice that the kernel keeps with the mapping. */
static void write_advice(struct script *script, const VmaEntry *vma)
{
    static const int kept[] = {MADV_RANDOM,   MADV_SEQUENTIAL, MADV_DONTFORK, MADV_MERGEABLE,
                               MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_WIPEONFORK};
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        if (vma->madv & (1ULL << kept[i]))
            MUST(script, "give advice about memory", SYS_madvise, vma->start, vma->end - vma->start,
                 (uint64_t)kept[i]);
}

void write_protections(struct tree *tree, struct task *task)
{
    struct script *script = &task->threads.items[0].script;
    (void)tree;
    for (size_t i = 0; i < task->memory->mappings.count; i++) {
        struct mapping *mapping = &task->memory->mappings.items[i];
        const VmaEntry *vma = mapping->vma;
        if (vma->status & (MAPPING_VVAR | MAPPING_VDSO))
            continue;
        if (mapping->prot != vma->prot)
            MUST(script, "protect memory", SYS_mprotect, vma->start, vma->end - vma->start,
                 vma->prot);
        write_advice(script, vma);
        if (vma->flags & MAP_LOCKED)
            MUST(script, "lock memory", SYS_mlock, vma->start, vma->end - vma->start);
    }
}
