/* Who gets SIGIO of a file: set in the builder, once everybody exists. See fcntl(2) F_SETOWN_EX. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "restore/run.h"

static const FownEntry *owner_of(const FileEntry *entry)
{
    switch (entry->type) {
    case FD_TYPES__REG:
        return entry->reg->flags & O_PATH ? NULL : entry->reg->fown;
    case FD_TYPES__PIPE:
        return entry->pipe->fown;
    default:
        return NULL;
    }
}

static pid_t host_of_id(const struct tree *tree, uint32_t id)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct task *task = tree->tasks.items[i];
        for (size_t t = 0; t < task->threads.count; t++)
            if (task->threads.items[t].tid == id)
                return task->threads.items[t].host_tid;
    }
    return 0;
}

static int set_owner(const struct tree *tree, const struct staged_file *file, struct error *e)
{
    const FownEntry *fown = owner_of(file->entry);
    if (!fown || (!fown->pid && !fown->signum))
        return 0;
    struct f_owner_ex owner = {(enum __pid_type)fown->pid_type, host_of_id(tree, fown->pid)};
    /* An owner that is gone gets no signal; nor does nobody. */
    if (owner.pid && fcntl(file->fd, F_SETOWN_EX, &owner) < 0)
        return fail_errno(e, "file %u: cannot set its signal owner %u", file->entry->id, fown->pid);
    if (fown->signum && fcntl(file->fd, F_SETSIG, (int)fown->signum) < 0)
        return fail_errno(e, "file %u: cannot set its signal %u", file->entry->id, fown->signum);
    return 0;
}

int set_file_owners(struct tree *tree, struct error *e)
{
    for (size_t i = 0; i < tree->files.count; i++)
        if (set_owner(tree, &tree->files.items[i], e) < 0)
            return -1;
    return 0;
}
