/* pagemap-PID.img and pages-N.img: private memory of every process.
 *
 * A page that a process shares with its parent by copy-on-write is stored once: the child's entry
 * says PE_PARENT, which every reader of CRIU's format looks up in the directory `parent`. There the
 * child's pagemap is a link to its parent's; one level deeper to its grandparent's, and so on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "checkpoint/copy.h"
#include "checkpoint/mapping.h"
#include "checkpoint/tree.h"
#include "kernel/pagemap.h"

enum entry_flags { PE_PARENT = 1, PE_LAZY = 2, PE_PRESENT = 4 };

struct memory {
    struct task *task;
    uint32_t pages_id;
    page_ranges own;     /* pages stored in this process's pages file */
    page_ranges parents; /* pages that are its parent's */
    int pagemap;
};

static struct memory *memory_of(struct memory *memories, struct tree *tree, const struct task *task)
{
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i] == task)
            return &memories[i];
    return NULL;
}

static int scan_mappings(struct tree *tree, struct memory *memory, page_ranges *found,
                         struct error *e)
{
    const proc_vmas *vmas = &memory->task->vmas;
    for (size_t i = 0; i < vmas->count; i++) {
        const struct proc_vma *vma = &vmas->items[i];
        uint32_t status = mapping_status_of(memory->task, vma, e);
        if (status & MAPPING_VDSO)
            vec_add(tree->dump->arena, found, ((struct page_range){vma->start, vma->end}));
        if (mapping_is_private(status) && pagemap_own_pages(memory->pagemap, vma->start, vma->end,
                                                            tree->dump->arena, found, e) < 0)
            return fail_in(e, TASK_FORMAT, TASK_NAME(memory->task));
    }
    return 0;
}

static void add_page(struct arena *arena, page_ranges *ranges, uint64_t page)
{
    if (ranges->count && ranges->items[ranges->count - 1].end == page)
        ranges->items[ranges->count - 1].end += PAGE_BYTES;
    else
        vec_add(arena, ranges, ((struct page_range){page, page + PAGE_BYTES}));
}

/* Splits what was found into pages of its own and pages that its parent has in the same frame. */
static int split_by_frames(struct tree *tree, struct memory *memory, const struct memory *parent,
                           const page_ranges *found, struct error *e)
{
    enum { batch = 1024 };
    uint64_t mine[batch], theirs[batch];
    for (size_t i = 0; i < found->count; i++) {
        for (uint64_t at = found->items[i].start; at < found->items[i].end;) {
            size_t count = (found->items[i].end - at) / PAGE_BYTES;
            if (count > batch)
                count = batch;
            if (pagemap_frames(memory->pagemap, at, count, mine, e) < 0 ||
                pagemap_frames(parent->pagemap, at, count, theirs, e) < 0)
                return -1;
            for (size_t n = 0; n < count; n++, at += PAGE_BYTES)
                add_page(tree->dump->arena,
                         mine[n] && mine[n] == theirs[n] ? &memory->parents : &memory->own, at);
        }
    }
    return 0;
}

static int find_pages(struct tree *tree, struct memory *memory, const struct memory *parent,
                      struct error *e)
{
    page_ranges found = {0};
    memory->pagemap = openat(memory->task->owner.proc, "pagemap", O_RDONLY | O_CLOEXEC);
    if (memory->pagemap < 0)
        return fail_errno(e, TASK_FORMAT ": cannot open its pagemap", TASK_NAME(memory->task));
    if (scan_mappings(tree, memory, &found, e) < 0)
        return -1;
    if (parent)
        return split_by_frames(tree, memory, parent, &found, e);
    memory->own = found;
    return 0;
}

static void add_entry(struct image *image, uint64_t start, uint64_t end, uint32_t flags)
{
    PagemapEntry entry = PAGEMAP_ENTRY__INIT;
    entry.vaddr = start;
    entry.has_flags = 1;
    entry.flags = flags;
    entry.has_nr_pages = 1;
    entry.nr_pages = (end - start) / PAGE_BYTES;
    image_add(image, &entry.base);
}

/* Anonymous pages may come later in a lazy restore, file pages may not. */
static uint32_t present_flags(const struct task *task, uint64_t start)
{
    for (size_t i = 0; i < task->vmas.count; i++) {
        const struct proc_vma *vma = &task->vmas.items[i];
        if (start >= vma->start && start < vma->end)
            return vma->name[0] == '/' || !strcmp(vma->name, "[vdso]") ? PE_PRESENT
                                                                       : PE_PRESENT | PE_LAZY;
    }
    return PE_PRESENT;
}

/* The two lists are sorted; so must the entries be. */
static int write_pagemap(struct tree *tree, const struct memory *memory, struct error *e)
{
    struct image *image = image_create(tree->dump->images, IMAGE_PAGEMAP, memory->task->owner.vpid);
    PagemapHead head = PAGEMAP_HEAD__INIT;
    head.pages_id = memory->pages_id;
    image_add(image, &head.base);
    const page_ranges *own = &memory->own, *parents = &memory->parents;
    for (size_t a = 0, b = 0; a < own->count || b < parents->count;) {
        bool own_first = b == parents->count ||
                         (a < own->count && own->items[a].start < parents->items[b].start);
        const struct page_range *range = own_first ? &own->items[a++] : &parents->items[b++];
        add_entry(image, range->start, range->end,
                  own_first ? present_flags(memory->task, range->start) : (uint32_t)PE_PARENT);
    }
    return image_close(image, e);
}

static int link_below(int dir, const char *name, const char *up, const char *target,
                      struct error *e)
{
    char path[256];
    snprintf(path, sizeof(path), "%s%s", up, target);
    if (symlinkat(path, dir, name) < 0 && errno != EEXIST)
        return fail_errno(e, "cannot link %s to %s", name, path);
    return 0;
}

/* Makes the chain of `parent` directories through which a process's shared pages are found. */
static int link_ancestors(struct tree *tree, struct memory *memories, const struct memory *memory,
                          struct error *e)
{
    char up[160] = "../", name[64], target[64];
    int dir = image_set_dir(tree->dump->images);
    AUTO_CLOSE int level = -1;
    for (const struct task *ancestor = memory->task->parent; ancestor;
         ancestor = ancestor->parent) {
        const struct memory *theirs = memory_of(memories, tree, ancestor);
        if (strlen(up) + 4 > sizeof(up))
            return fail(e, ELOOP, "processes nested too deeply");
        bool is_new = mkdirat(dir, "parent", 0700) == 0;
        if (!is_new && errno != EEXIST)
            return fail_errno(e, "cannot make the directory of shared pages");
        if (is_new && level < 0)
            image_set_adopt(tree->dump->images, "parent");
        int next = openat(dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (level >= 0)
            close(level);
        level = dir = next;
        if (dir < 0)
            return fail_errno(e, "cannot open the directory of shared pages");
        snprintf(name, sizeof(name), "pagemap-%u.img", memory->task->owner.vpid);
        snprintf(target, sizeof(target), "pagemap-%u.img", ancestor->owner.vpid);
        if (link_below(dir, name, up, target, e) < 0)
            return -1;
        snprintf(target, sizeof(target), "pages-%u.img", theirs->pages_id);
        if (link_below(dir, target, up, target, e) < 0)
            return -1;
        if (theirs->parents.count == 0)
            break;
        strcat(up, "../");
    }
    return 0;
}

static int save_pages_of(struct tree *tree, struct memory *memories, struct memory *memory,
                         struct error *e)
{
    const struct task *parent = memory->task->parent;
    struct memory *parents = parent ? memory_of(memories, tree, parent) : NULL;
    if (find_pages(tree, memory, parents && parents->pagemap >= 0 ? parents : NULL, e) < 0 ||
        write_pagemap(tree, memory, e) < 0 ||
        (memory->parents.count && link_ancestors(tree, memories, memory, e) < 0) ||
        copy_pages(tree, memory->task, memory->pages_id, &memory->own, e) < 0)
        return -1;
    return 0;
}

int save_memory(struct tree *tree, struct error *e)
{
    size_t count = tree->tasks.count;
    struct memory *memories = arena_alloc(tree->dump->arena, sizeof(*memories) * count);
    uint32_t next_pages_id = 1;
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        memories[i].task = tree->tasks.items[i];
        memories[i].pagemap = -1;
    }
    /* Links that a killed dump left behind would lead astray. */
    if (count > 1)
        result = remove_tree_at(image_set_dir(tree->dump->images), "parent", e);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (memories[i].task->state == TASK_DEAD)
            continue;
        memories[i].pages_id = next_pages_id++;
        result = save_pages_of(tree, memories, &memories[i], e);
    }
    if (result == 0)
        result = save_shared_memory(tree, next_pages_id, e);
    for (size_t i = 0; i < count; i++)
        if (memories[i].pagemap >= 0)
            close(memories[i].pagemap);
    return result;
}
