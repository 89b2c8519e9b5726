#include "restore/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Targets take their descriptors by dup3(2) one after another: none may hit a staging one. */
static int move_above(const struct tree *tree, int *fd, struct error *e)
{
    if (*fd > tree->highest_fd)
        return 0;
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, tree->highest_fd + 1);
    if (high < 0)
        return fail_errno(e, "no room for descriptors above %d", tree->highest_fd);
    close(*fd);
    *fd = high;
    return 0;
}

static const struct file_kind *kind_of_type(FdTypes type)
{
    for (size_t i = 0; file_kinds[i]; i++)
        if (file_kinds[i]->type == type && file_kinds[i]->stage)
            return file_kinds[i];
    return NULL;
}

static int stage_file(struct tree *tree, struct staged_file *file, struct error *e)
{
    const struct file_kind *kind = kind_of_type(file->entry->type);
    if (!kind)
        return fail(e, ENOTSUP, "file %u: type %d is not supported yet", file->entry->id,
                    (int)file->entry->type);
    if (kind->stage(&tree->restore, file, e) < 0 || move_above(tree, &file->fd, e) < 0)
        return fail_in(e, "%s %u", kind->name, file->entry->id);
    return 0;
}

int stage_files(struct tree *tree, struct error *e)
{
    int result = 0;
    for (size_t i = 0; i < tree->files.count && result == 0; i++)
        result = stage_file(tree, &tree->files.items[i], e);
    for (size_t i = 0; file_kinds[i]; i++)
        if (file_kinds[i]->end_staging)
            file_kinds[i]->end_staging(&tree->restore);
    return result;
}

static int read_runs(void *memory, uint64_t size, const page_runs *runs, struct error *e)
{
    for (size_t i = 0; i < runs->count; i++) {
        struct page_run run = runs->items[i];
        if (run.end > size)
            return fail(e, EBADMSG, "page %#llx is beyond its end", (unsigned long long)run.start);
        while (run.start < run.end) {
            ssize_t n = pread(run.source->fd, (char *)memory + run.start, run.end - run.start,
                              (off_t)run.offset);
            if (n <= 0)
                return fail_errno(e, "cannot read its pages");
            run.start += (uint64_t)n;
            run.offset += (uint64_t)n;
        }
    }
    return 0;
}

/* A mapping that fork shares is a file of the kernel's own; map_files leads to it. See proc(5). */
static int open_mapping(const void *memory, uint64_t size)
{
    char name[96];
    snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx", (unsigned long)memory,
             (unsigned long)memory + (unsigned long)size);
    return open(name, O_RDWR | O_CLOEXEC);
}

static int make_segment(struct tree *tree, struct shared_memory *segment, struct error *e)
{
    page_runs runs = {0};
    if (find_pages_of_segment(tree, segment->id, &runs, e) < 0)
        return -1;
    void *memory =
        mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return fail_errno(e, "cannot map %llu bytes", (unsigned long long)segment->size);
    int result = read_runs(memory, segment->size, &runs, e);
    if (result == 0) {
        segment->fd = open_mapping(memory, segment->size);
        if (segment->fd < 0)
            result = fail_errno(e, "cannot open what was mapped");
    }
    munmap(memory, segment->size);
    return result < 0 ? -1 : move_above(tree, &segment->fd, e);
}

static struct shared_memory *segment_of(struct tree *tree, uint64_t id)
{
    for (size_t i = 0; i < tree->shared_memory.count; i++)
        if (tree->shared_memory.items[i].id == id)
            return &tree->shared_memory.items[i];
    struct shared_memory *segment = vec_push(tree->restore.arena, &tree->shared_memory);
    segment->id = id;
    segment->fd = -1;
    return segment;
}

/* A segment is as large as the furthest that anybody maps of it. */
static int find_segments(struct tree *tree, const struct memory *memory, struct error *e)
{
    for (size_t i = 0; i < memory->mappings.count; i++) {
        const VmaEntry *vma = memory->mappings.items[i].vma;
        if (!(vma->status & MAPPING_ANON_SHARED))
            continue;
        uint64_t length = vma->end - vma->start;
        if (vma->pgoff > ADDRESSES_END - length)
            return fail(e, EBADMSG, "shared memory %llu is too large",
                        (unsigned long long)vma->shmid);
        struct shared_memory *segment = segment_of(tree, vma->shmid);
        if (segment->size < vma->pgoff + length)
            segment->size = vma->pgoff + length;
    }
    return 0;
}

static int give_descriptors(struct tree *tree, const struct task *task, struct error *e)
{
    for (size_t i = 0; i < task->memory->mappings.count; i++) {
        struct mapping *mapping = &task->memory->mappings.items[i];
        if (mapping->vma->status & MAPPING_ANON_SHARED)
            mapping->fd = segment_of(tree, mapping->vma->shmid)->fd;
        if (!(mapping->vma->status & (MAPPING_FILE_PRIVATE | MAPPING_FILE_SHARED)))
            continue;
        const struct staged_file *file = find_file(tree, (uint32_t)mapping->vma->shmid);
        if (!file)
            return fail(e, EBADMSG, TASK_FORMAT ": file %llu of mapping %#llx is not in files.img",
                        TASK_NAME(task), (unsigned long long)mapping->vma->shmid,
                        (unsigned long long)mapping->vma->start);
        mapping->fd = file->fd;
    }
    return 0;
}

static bool owns_memory(const struct task *task)
{
    return task->memory && !task->shares_memory;
}

int stage_memory(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (owns_memory(tree->tasks.items[i]) &&
            find_segments(tree, tree->tasks.items[i]->memory, e) < 0)
            return -1;
    for (size_t i = 0; i < tree->shared_memory.count; i++)
        if (make_segment(tree, &tree->shared_memory.items[i], e) < 0)
            return fail_in(e, "shared memory %llu",
                           (unsigned long long)tree->shared_memory.items[i].id);
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (owns_memory(tree->tasks.items[i]) &&
            give_descriptors(tree, tree->tasks.items[i], e) < 0)
            return -1;
    for (size_t i = 0; i < tree->page_sources.count; i++)
        if (move_above(tree, &tree->page_sources.items[i]->fd, e) < 0)
            return -1;
    return 0;
}

void unstage_all(struct tree *tree)
{
    for (size_t i = 0; i < tree->files.count; i++)
        if (tree->files.items[i].fd >= 0)
            close(tree->files.items[i].fd);
    for (size_t i = 0; i < tree->shared_memory.count; i++)
        if (tree->shared_memory.items[i].fd >= 0)
            close(tree->shared_memory.items[i].fd);
    for (size_t i = 0; i < tree->page_sources.count; i++)
        if (tree->page_sources.items[i]->fd >= 0)
            close(tree->page_sources.items[i]->fd);
}
