/* Shared anonymous memory: stored once, whoever maps it, from the file that the kernel keeps behind
 * it (/proc/PID/map_files). Holes stay holes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "checkpoint/copy.h"
#include "checkpoint/mapping.h"

typedef VEC(uint64_t) inode_list;

enum { PE_PRESENT = 4 };

static bool is_new(struct arena *arena, inode_list *seen, uint64_t inode)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->items[i] == inode)
            return false;
    vec_add(arena, seen, inode);
    return true;
}

static int copy_range(int from, int to, off_t start, off_t end)
{
    while (start < end) {
        ssize_t n = sendfile(to, from, &start, (size_t)(end - start));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
    }
    return 0;
}

static int copy_data(int from, int to, struct image *pagemap, struct error *e)
{
    for (off_t at = 0, end;; at = end) {
        off_t start = lseek(from, at, SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            return 0;
        end = start < 0 ? -1 : lseek(from, start, SEEK_HOLE);
        if (end < 0)
            return fail_errno(e, "cannot find data in shared memory");
        PagemapEntry entry = PAGEMAP_ENTRY__INIT;
        entry.vaddr = (uint64_t)start;
        entry.has_flags = entry.has_nr_pages = 1;
        entry.flags = PE_PRESENT;
        entry.nr_pages = (uint64_t)(end - start) / PAGE_BYTES;
        image_add(pagemap, &entry.base);
        if (copy_range(from, to, start, end) < 0)
            return fail_errno(e, "cannot write shared memory");
    }
}

static int save_segment(struct tree *tree, const struct task *task, const struct proc_vma *vma,
                        uint32_t pages_id, struct error *e)
{
    char name[64];
    snprintf(name, sizeof(name), "map_files/%llx-%llx", (unsigned long long)vma->start,
             (unsigned long long)vma->end);
    AUTO_CLOSE int from = openat(task->owner.proc, name, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail_errno(e, TASK_FORMAT ": %s: cannot open its shared memory", TASK_NAME(task),
                          name);
    snprintf(name, sizeof(name), "pages-%u.img", pages_id);
    AUTO_CLOSE int to = image_set_create(tree->dump->images, name, e);
    if (to < 0)
        return -1;
    struct image *pagemap =
        image_create(tree->dump->images, IMAGE_SHMEM_PAGEMAP, (uint32_t)vma->inode);
    PagemapHead head = PAGEMAP_HEAD__INIT;
    head.pages_id = pages_id;
    image_add(pagemap, &head.base);
    if (copy_data(from, to, pagemap, e) < 0)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    return image_close(pagemap, e);
}

int save_shared_memory(struct tree *tree, uint32_t next_pages_id, struct error *e)
{
    inode_list seen = {0};
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        for (size_t v = 0; v < task->vmas.count; v++) {
            const struct proc_vma *vma = &task->vmas.items[v];
            if (!vma->shared || !(mapping_status_of(task, vma, e) & MAPPING_ANON_SHARED) ||
                !is_new(tree->dump->arena, &seen, vma->inode))
                continue;
            if (save_segment(tree, task, vma, next_pages_id++, e) < 0)
                return -1;
        }
    }
    return 0;
}
