/* Where the contents of pages are: pagemap-*.img, pages-*.img, and the directories behind the link
 * `parent` that entries flagged PE_PARENT refer to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/tree.h"

enum entry_flags { PE_PARENT = 1, PE_PRESENT = 4 };
enum { most_levels = 1000 };

/* A pagemap that is being resolved, in the image directory or one of its parents. */
struct level {
    struct tree *tree;
    enum image_kind kind;
    uint32_t id;
    int dir;
    unsigned depth;
};

static int resolve(const struct level *level, page_runs *runs, struct error *e);

static const struct page_source *open_source(const struct level *level, uint32_t pages_id,
                                             struct error *e)
{
    struct tree *tree = level->tree;
    char name[32];
    struct stat st;
    snprintf(name, sizeof(name), "pages-%u.img", pages_id);
    AUTO_CLOSE int fd = openat(level->dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        fail_errno(e, "%s", name);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        fail(e, EBADMSG, "%s: not a regular file", name);
        return NULL;
    }
    for (size_t i = 0; i < tree->page_sources.count; i++) {
        const struct page_source *known = tree->page_sources.items[i];
        if (known->device == st.st_dev && known->inode == st.st_ino)
            return known;
    }
    struct page_source *source = arena_alloc(tree->restore.arena, sizeof(*source));
    *source = (struct page_source){take_fd(&fd), st.st_dev, st.st_ino, (uint64_t)st.st_size};
    vec_add(tree->restore.arena, &tree->page_sources, source);
    return source;
}

/* The runs of the same pagemap one directory up, read at the first need. */
static int resolve_parent(const struct level *level, page_runs *runs, struct error *e)
{
    struct level up = *level;
    if (++up.depth > most_levels)
        return fail(e, ELOOP, "image directories have too many parents");
    AUTO_CLOSE int dir = openat(level->dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fail_errno(e, "parent image directory");
    up.dir = dir;
    return resolve(&up, runs, e);
}

/* Copies the part of `from` that covers start..end; all of it must be there. */
static int take_from_parent(const struct level *level, const page_runs *from, uint64_t start,
                            uint64_t end, page_runs *runs, struct error *e)
{
    for (size_t i = 0; i < from->count && start < end; i++) {
        const struct page_run *run = &from->items[i];
        if (run->end <= start || run->start > start)
            continue;
        uint64_t stop = run->end < end ? run->end : end;
        vec_add(level->tree->restore.arena, runs,
                ((struct page_run){start, stop, run->offset + (start - run->start), run->source}));
        start = stop;
    }
    if (start < end)
        return fail(e, EBADMSG, "pagemap of %u: page %#llx is missing in the parent images",
                    level->id, (unsigned long long)start);
    return 0;
}

static int check_entry(const struct level *level, const PagemapEntry *entry, uint64_t last,
                       uint64_t *end, struct error *e)
{
    uint64_t pages = entry->has_nr_pages ? entry->nr_pages : entry->compat_nr_pages;
    if (entry->vaddr % PAGE_BYTES || entry->vaddr < last || pages == 0 ||
        pages > ADDRESSES_END / PAGE_BYTES || entry->vaddr > ADDRESSES_END - pages * PAGE_BYTES)
        return fail(e, EBADMSG, "pagemap of %u: entry at %#llx is damaged", level->id,
                    (unsigned long long)entry->vaddr);
    *end = entry->vaddr + pages * PAGE_BYTES;
    return 0;
}

static int add_stored(const struct level *level, uint64_t start, uint64_t end,
                      const struct page_source *source, uint64_t *offset, page_runs *runs,
                      struct error *e)
{
    if (end - start > source->size || *offset > source->size - (end - start))
        return fail(e, EBADMSG, "pages of %u: truncated: page %#llx is missing", level->id,
                    (unsigned long long)start);
    vec_add(level->tree->restore.arena, runs, ((struct page_run){start, end, *offset, source}));
    *offset += end - start;
    return 0;
}

static int resolve_entries(const struct level *level, struct image_reader *reader,
                           const struct page_source *source, page_runs *runs, struct error *e)
{
    page_runs above = {0};
    bool above_known = false;
    uint64_t offset = 0, last = 0;
    for (;;) {
        PagemapEntry *entry = image_next(reader, &pagemap_entry__descriptor, e);
        if (!entry && !e->code && offset < source->size)
            return fail(e, EBADMSG, "pagemap of %u: truncated: it does not tell of all pages",
                        level->id);
        if (!entry)
            return e->code ? -1 : 0;
        uint32_t flags = entry->has_flags   ? entry->flags
                         : entry->in_parent ? PE_PARENT
                                            : PE_PRESENT;
        uint64_t start = entry->vaddr;
        if (check_entry(level, entry, last, &last, e) < 0)
            return -1;
        if (flags & PE_PARENT) {
            if (!above_known && resolve_parent(level, &above, e) < 0)
                return -1;
            above_known = true;
            if (take_from_parent(level, &above, start, last, runs, e) < 0)
                return -1;
        } else if (flags & PE_PRESENT &&
                   add_stored(level, start, last, source, &offset, runs, e) < 0) {
            return -1;
        }
    }
}

static int resolve(const struct level *level, page_runs *runs, struct error *e)
{
    struct image_reader *reader =
        image_open(level->tree->restore.arena, level->dir, level->kind, level->id, e);
    if (!reader)
        return -1;
    PagemapHead *head = image_next(reader, &pagemap_head__descriptor, e);
    if (!head)
        return e->code ? -1 : fail(e, EBADMSG, "pagemap of %u: empty", level->id);
    const struct page_source *source = open_source(level, head->pages_id, e);
    return source ? resolve_entries(level, reader, source, runs, e) : -1;
}

static bool has_private_pages(const VmaEntry *vma)
{
    return vma->status & (MAPPING_ANON_PRIVATE | MAPPING_FILE_PRIVATE) &&
           !(vma->status & (MAPPING_VVAR | MAPPING_VDSO));
}

/* Cuts the runs where mappings end; what the kernel itself maps ([vdso]) is left out. */
static int place_in_mappings(struct tree *tree, struct task *task, const page_runs *runs,
                             struct error *e)
{
    struct memory *memory = task->memory;
    size_t m = 0;
    for (size_t i = 0; i < runs->count; i++) {
        struct page_run run = runs->items[i];
        while (run.start < run.end) {
            while (m < memory->mappings.count && memory->mappings.items[m].vma->end <= run.start)
                m++;
            struct mapping *mapping =
                m < memory->mappings.count ? &memory->mappings.items[m] : NULL;
            if (!mapping || mapping->vma->start > run.start)
                return fail(e, EBADMSG, TASK_FORMAT ": page %#llx is in no mapping",
                            TASK_NAME(task), (unsigned long long)run.start);
            uint64_t end = run.end < mapping->vma->end ? run.end : mapping->vma->end;
            if (has_private_pages(mapping->vma)) {
                mapping->has_pages = true;
                vec_add(tree->restore.arena, &memory->pages,
                        ((struct page_run){run.start, end, run.offset, run.source}));
            }
            run.offset += end - run.start;
            run.start = end;
        }
    }
    return 0;
}

int find_pages_of_task(struct tree *tree, struct task *task, struct error *e)
{
    struct level level = {tree, IMAGE_PAGEMAP, task->pid, tree->restore.images_dir, 0};
    page_runs runs = {0};
    if (resolve(&level, &runs, e) < 0)
        return fail_in(e, TASK_FORMAT, TASK_NAME(task));
    return place_in_mappings(tree, task, &runs, e);
}

int find_pages_of_segment(struct tree *tree, uint64_t shmid, page_runs *runs, struct error *e)
{
    struct level level = {tree, IMAGE_SHMEM_PAGEMAP, (uint32_t)shmid, tree->restore.images_dir, 0};
    return resolve(&level, runs, e);
}
