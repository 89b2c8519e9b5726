/* Working directory, root and descriptors of a vessel. See dup3(2), close_range(2), chroot(2). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "restore/vessel.h"

static const struct staged_file *must_find(struct tree *tree, const struct task *task, uint32_t id,
                                           const char *what, struct error *e)
{
    const struct staged_file *file = find_file(tree, id);
    if (!file)
        fail(e, EBADMSG, TASK_FORMAT ": file %u of its %s is not in files.img", TASK_NAME(task), id,
             what);
    return file;
}

/* The builder's own root needs no chroot(2), which not everyone may do. */
static bool is_builders_root(const struct tree *tree, const struct staged_file *root)
{
    return !tree->namespaces.ids[NS_MNT] && root->entry->reg &&
           !strcmp(root->entry->reg->name, "/");
}

int write_fs(struct tree *tree, struct task *task, struct error *e)
{
    struct script *script = &task->threads.items[0].script;
    if (task->shares_fs)
        return 0;
    const struct staged_file *root = must_find(tree, task, task->fs->root_id, "root", e);
    const struct staged_file *cwd =
        root ? must_find(tree, task, task->fs->cwd_id, "working directory", e) : NULL;
    if (!cwd)
        return -1;
    if (!is_builders_root(tree, root)) {
        MUST(script, "go to the root", SYS_fchdir, (uint64_t)root->fd);
        MUST(script, "change the root", SYS_chroot, script_data(&tree->area, ".", 2));
    }
    MUST(script, "go to the working directory", SYS_fchdir, (uint64_t)cwd->fd);
    if (task->fs->has_umask)
        SCRIPT_CALL(script, "set the umask", SYS_umask, task->fs->umask);
    return 0;
}

static void close_between(struct script *script, uint32_t first, uint32_t last)
{
    if (first <= last)
        MUST(script, "close what is the builder's", SYS_close_range, first, last, 0);
}

int write_descriptors(struct tree *tree, struct task *task, struct error *e)
{
    struct script *script = &task->threads.items[0].script;
    if (task->shares_files) {
        script_post(script, "have no more need of descriptors", task->maker->files_unused, 1);
        return 0;
    }
    if (task->files_sharers)
        script_wait_until(script, "wait for who shares the descriptors", task->files_unused,
                          task->files_sharers);
    uint32_t next = 0;
    for (size_t i = 0; i < task->descriptors.count; i++) {
        const FdinfoEntry *entry = task->descriptors.items[i];
        const struct staged_file *file = must_find(tree, task, entry->id, "descriptor", e);
        if (!file)
            return -1;
        script_must_be(SCRIPT_CALL(script, "duplicate a descriptor", SYS_dup3, (uint64_t)file->fd,
                                   entry->fd, entry->flags & FD_CLOEXEC ? O_CLOEXEC : 0),
                       entry->fd);
        if (entry->fd > next)
            close_between(script, next, entry->fd - 1);
        next = entry->fd + 1;
    }
    close_between(script, next, UINT32_MAX);
    return 0;
}
