/* Files with a name: regular files, directories, harmless character devices.
 * See open(2), proc(5). */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "objects/kinds.h"
#include "objects/mount.h"
#include "objects/registry.h"

/* null, zero, full, random, urandom: devices that hold nothing of the process. */
static bool is_harmless_device(const struct stat *st)
{
    if (!S_ISCHR(st->st_mode) || major(st->st_rdev) != 1)
        return false;
    unsigned number = minor(st->st_rdev);
    return number == 3 || number == 5 || number == 7 || number == 8 || number == 9;
}

static bool recognise_regfile(const struct fd_view *view)
{
    if (view->link[0] != '/')
        return false;
    if (view->flags & O_PATH && view->number >= 0)
        return S_ISREG(view->st.st_mode) || S_ISDIR(view->st.st_mode);
    return S_ISREG(view->st.st_mode) || S_ISDIR(view->st.st_mode) || is_harmless_device(&view->st);
}

/* The name that a restore opens the file by, and the mount it is on. */
struct place {
    const char *name;
    int mount_id;
};

/* A container's standard input is often the null device of the host, on a mount that the container
 * does not have: its own device of the same number is as good. */
static struct place place_of(const struct dump *dump, const struct fd_view *view)
{
    static const char *const devices[] = {
        [3] = "/dev/null",   [5] = "/dev/zero",    [7] = "/dev/full",
        [8] = "/dev/random", [9] = "/dev/urandom",
    };
    struct place place = {view->link, view->mount_id};
    if (!dump->mounts || mount_by_id(dump->mounts, view->mount_id) ||
        !is_harmless_device(&view->st))
        return place;
    const char *name = devices[minor(view->st.st_rdev)];
    const struct mount *mount = mount_of_path(dump->mounts, name);
    return mount ? (struct place){name, mount->info.id} : place;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    if (S_ISCHR(a->st_mode) && S_ISCHR(b->st_mode))
        return a->st_rdev == b->st_rdev;
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Does the name still lead to this file, in the tree's own view? */
static int check_name(struct dump *dump, const struct fd_view *view, const char *name,
                      struct error *e)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_IN_ROOT};
    struct stat st;
    AUTO_CLOSE int root = openat(dump->root->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* Where the tree shares our mounts, names are as we see them, whatever chroot(2) it is in. */
    AUTO_CLOSE int fd = dump->mounts ? (int)syscall(SYS_openat2, root, name, &how, sizeof(how))
                                     : open(name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (view->st.st_nlink == 0)
        return fail(e, ENOTSUP, "deleted file %s: not supported yet", name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(e, "file %s cannot be found by its name", name);
    if (!is_same_file(&st, &view->st))
        return fail(e, ENOTSUP, "file %s: another file has its name now: not supported yet", name);
    return 0;
}

/* Files of pseudo file systems speak of processes and devices, which may be others at restore. */
static int check_file_system(const struct fd_view *view, struct error *e)
{
    struct statfs fs;
    if (fstatfs(view->fd, &fs) < 0)
        return fail_errno(e, "cannot ask for the file system of %s", view->link);
    if (S_ISDIR(view->st.st_mode) && view->number < 0)
        return 0;
    if (fs.f_type == PROC_SUPER_MAGIC)
        return fail(e, ENOTSUP, "file under /proc (%s): not supported yet", view->link);
    if (fs.f_type == NSFS_MAGIC)
        return fail(e, ENOTSUP, "namespace file %s: not supported yet", view->link);
    return 0;
}

static int save_regfile(struct dump *dump, const struct fd_view *view, FileEntry *entry,
                        struct error *e)
{
    RegFileEntry *reg = arena_alloc(dump->arena, sizeof(*reg));
    int mount_id = -1;
    reg_file_entry__init(reg);
    reg->fown = arena_alloc(dump->arena, sizeof(*reg->fown));
    struct place place = place_of(dump, view);
    if (check_name(dump, view, place.name, e) < 0 || check_file_system(view, e) < 0 ||
        save_owner_of_signals(view, reg->fown, e) < 0 ||
        mount_image_id(dump, place.mount_id, place.name, &mount_id, e) < 0)
        return view->number < 0 ? -1 : fail_in(e, "%s", describe_view(dump->arena, view));
    reg->id = entry->id;
    reg->flags = view->flags;
    reg->pos = view->position;
    reg->name = arena_strdup(dump->arena, place.name);
    reg->has_mnt_id = mount_id >= 0;
    reg->mnt_id = mount_id;
    reg->has_mode = 1;
    reg->mode = view->st.st_mode;
    if (S_ISREG(view->st.st_mode)) {
        reg->has_size = 1;
        reg->size = (uint64_t)view->st.st_size;
    }
    entry->reg = reg;
    return 0;
}

/* ---- restore ---- */

/* What may be given to open(2); what only matters while a file is made is left out. */
enum { open_flags = O_ACCMODE | O_APPEND | O_DIRECT | O_DIRECTORY | O_DSYNC | O_SYNC | O_NOATIME };

static bool may_write(uint32_t flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* A file that is read or executed must be the one that was; one that is written may have grown. */
static int check_same_file(int fd, const RegFileEntry *reg, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_errno(e, "%s", reg->name);
    if (reg->has_mode && (st.st_mode & S_IFMT) != (reg->mode & S_IFMT))
        return fail(e, ESTALE, "%s: is another kind of file now", reg->name);
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISBLK(st.st_mode))
        return fail(e, ENOTSUP, "%s: not a regular file", reg->name);
    if (reg->has_size && S_ISREG(st.st_mode) && !may_write(reg->flags) &&
        (uint64_t)st.st_size != reg->size)
        return fail(e, ESTALE, "%s: has another size (%lld bytes, not %llu)", reg->name,
                    (long long)st.st_size, (unsigned long long)reg->size);
    return 0;
}

static int set_up_file(int fd, const RegFileEntry *reg, struct error *e)
{
    if (reg->flags & O_PATH)
        return 0;
    if (!(reg->flags & O_NONBLOCK) && fcntl(fd, F_SETFL, (int)reg->flags & ~O_NONBLOCK) < 0)
        return fail_errno(e, "%s: cannot set its flags", reg->name);
    if (reg->pos && lseek(fd, (off_t)reg->pos, SEEK_SET) < 0)
        return fail_errno(e, "%s: cannot set its offset", reg->name);
    return 0;
}

static int open_by_name(const RegFileEntry *reg, struct error *e)
{
    if (reg->name[0] != '/')
        return fail(e, EBADMSG, "%s: not an absolute path", reg->name);
    /* What stands there now may be a FIFO or a terminal: opening must not wait nor take it. */
    int flags = reg->flags & O_PATH ? O_PATH | O_NOFOLLOW
                                    : ((int)reg->flags & open_flags) | O_NONBLOCK | O_NOCTTY;
    int fd = open(reg->name, flags | O_CLOEXEC);
    return fd < 0 ? fail_errno(e, "%s", reg->name) : fd;
}

static int stage_regfile(struct restore *restore, struct staged_file *file, struct error *e)
{
    const RegFileEntry *reg = file->entry->reg;
    if (!reg || !reg->name[0])
        return fail(e, EBADMSG, "damaged entry");
    int inherited = inherited_fd(restore, reg->name + 1);
    if (inherited >= 0) {
        file->fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0);
        return file->fd < 0 ? fail_errno(e, "%s: descriptor %d", reg->name, inherited) : 0;
    }
    file->fd = open_by_name(reg, e);
    if (file->fd < 0 || check_same_file(file->fd, reg, e) < 0)
        return -1;
    return set_up_file(file->fd, reg, e);
}

const struct file_kind regfile_kind = {
    .type = FD_TYPES__REG,
    .name = "regular file",
    .recognise = recognise_regfile,
    .save = save_regfile,
    .stage = stage_regfile,
};
