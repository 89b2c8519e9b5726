/* fdinfo-ID.img and fs-PID.img; the files themselves are saved by their kinds. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "checkpoint/tree.h"
#include "objects/registry.h"

static int save_descriptor(struct tree *tree, const struct task *task, int number,
                           struct image *image, struct error *e)
{
    struct fd_view view;
    FdinfoEntry entry = FDINFO_ENTRY__INIT;
    int seen = view_descriptor(tree->dump, &task->owner, number, &view, e);
    AUTO_CLOSE int fd = view.fd;
    if (seen < 0)
        return -1;
    entry.fd = (uint32_t)number;
    entry.flags = view.close_on_exec;
    entry.id = file_image_id(tree->dump, &view, &entry.type, e);
    if (!entry.id)
        return -1;
    image_add(image, &entry.base);
    return fd < 0 ? -1 : 0;
}

static int save_table(struct tree *tree, const struct task *task, struct error *e)
{
    struct image *image = image_create(tree->dump->images, IMAGE_FDINFO, task->files_id);
    for (size_t i = 0; i < task->fds.count; i++)
        if (save_descriptor(tree, task, task->fds.items[i], image, e) < 0)
            return -1;
    return image_close(image, e);
}

static int save_fs(struct tree *tree, const struct task *task, struct error *e)
{
    FsEntry entry = FS_ENTRY__INIT;
    entry.cwd_id = path_image_id(tree->dump, &task->owner, "cwd", 0, e);
    if (!entry.cwd_id)
        return -1;
    entry.root_id = path_image_id(tree->dump, &task->owner, "root", 0, e);
    if (!entry.root_id)
        return -1;
    entry.has_umask = 1;
    entry.umask = task->threads.items[0].status.umask;
    return image_write_one(tree->dump->images, IMAGE_FS, task->owner.vpid, &entry.base, e);
}

int save_descriptors(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        if (task->state == TASK_DEAD)
            continue;
        if (save_fs(tree, task, e) < 0 || (task->first_of_files && save_table(tree, task, e) < 0))
            return -1;
    }
    return 0;
}
