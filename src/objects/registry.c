/* Which descriptors share an open file description, and which names are one file: every one gets a
 * single id and a single entry in files.img. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/procfs.h"
#include "objects/object.h"
#include "objects/registry.h"

enum { bucket_count = 1024 };

struct record {
    uint64_t device, inode, position;
    uint32_t flags;
    pid_t pid;        /* of the first descriptor seen */
    int number;       /* -1: a path */
    const char *link; /* of a path */
    uint32_t id;
};

struct file_registry {
    VEC(struct record) buckets[bucket_count];
    uint32_t next_id;
};

char *describe_view(struct arena *arena, const struct fd_view *view)
{
    if (view->number < 0)
        return arena_printf(arena, "pid %d (%s): %s", (int)view->owner->pid, view->owner->comm,
                            view->link);
    return arena_printf(arena, "pid %d (%s): fd %d", (int)view->owner->pid, view->owner->comm,
                        view->number);
}

static struct file_registry *registry_of(struct dump *dump)
{
    if (!dump->files) {
        dump->files = arena_alloc(dump->arena, sizeof(*dump->files));
        dump->files->next_id = 1;
    }
    return dump->files;
}

uint32_t registry_next_id(struct dump *dump)
{
    return registry_of(dump)->next_id++;
}

/* One description has one inode, one offset and one set of flags: what differs is not compared. */
static bool may_be_same(const struct record *record, const struct fd_view *view)
{
    return record->device == view->st.st_dev && record->inode == view->st.st_ino &&
           record->flags == view->flags && (record->number < 0) == (view->number < 0) &&
           record->position == view->position;
}

static bool is_same(const struct record *record, const struct fd_view *view)
{
    if (!may_be_same(record, view))
        return false;
    if (view->number < 0)
        return !strcmp(record->link, view->link);
    if (record->pid == view->owner->pid && record->number == view->number)
        return true;
    return syscall(SYS_kcmp, record->pid, view->owner->pid, KCMP_FILE, record->number,
                   view->number) == 0;
}

static const struct file_kind *kind_of(const struct fd_view *view)
{
    for (size_t i = 0; file_kinds[i]; i++)
        if (file_kinds[i]->recognise && file_kinds[i]->recognise(view))
            return file_kinds[i];
    return NULL;
}

/* What the kernel calls it, for refusals: "eventpoll", "socket", "fifo". */
static const char *name_unknown_kind(struct arena *arena, const struct fd_view *view)
{
    static const char anonymous[] = "anon_inode:";
    if (!strncmp(view->link, anonymous, sizeof(anonymous) - 1)) {
        const char *name = view->link + sizeof(anonymous) - 1;
        size_t bracket = *name == '[';
        return arena_strndup(arena, name + bracket, strcspn(name + bracket, "]"));
    }
    switch (view->st.st_mode & S_IFMT) {
    case S_IFSOCK:
        return "socket";
    case S_IFIFO:
        return "FIFO";
    case S_IFCHR:
        return arena_printf(arena, "character device %s", view->link);
    case S_IFBLK:
        return arena_printf(arena, "block device %s", view->link);
    default:
        return arena_printf(arena, "file %s", view->link);
    }
}

static int save_new_file(struct dump *dump, const struct fd_view *view, uint32_t id,
                         struct error *e)
{
    const struct file_kind *kind = kind_of(view);
    if (!kind)
        return fail(e, ENOTSUP, "%s: %s: not supported yet", describe_view(dump->arena, view),
                    name_unknown_kind(dump->arena, view));
    FileEntry entry = FILE_ENTRY__INIT;
    entry.type = kind->type;
    entry.id = id;
    if (kind->save(dump, view, &entry, e) < 0)
        return -1;
    if (!dump->files_image)
        dump->files_image = image_create(dump->images, IMAGE_FILES, 0);
    image_add(dump->files_image, &entry.base);
    return 0;
}

uint32_t file_image_id(struct dump *dump, const struct fd_view *view, FdTypes *type,
                       struct error *e)
{
    struct file_registry *registry = registry_of(dump);
    __typeof__(registry->buckets[0]) *bucket =
        &registry->buckets[(view->st.st_ino ^ view->st.st_dev * 31) % bucket_count];
    const struct file_kind *kind = kind_of(view);
    if (type && kind)
        *type = kind->type;
    for (size_t i = 0; i < bucket->count; i++)
        if (is_same(&bucket->items[i], view))
            return bucket->items[i].id;
    uint32_t id = registry->next_id++;
    if (save_new_file(dump, view, id, e) < 0)
        return 0;
    vec_add(dump->arena, bucket,
            ((struct record){view->st.st_dev, view->st.st_ino, view->position, view->flags,
                             view->owner->pid, view->number, view->link, id}));
    return id;
}

uint32_t path_image_id(struct dump *dump, const struct owner *owner, const char *link,
                       uint32_t flags, struct error *e)
{
    char target[PATH_MAX];
    struct fd_view view = {.owner = owner, .number = -1, .flags = flags, .mount_id = -1};
    AUTO_CLOSE int fd = openat(owner->proc, link, O_PATH | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : readlinkat(owner->proc, link, target, sizeof(target) - 1);
    if (length < 0 || fstat(fd, &view.st) < 0) {
        fail_errno(e, "pid %d (%s): %s", (int)owner->pid, owner->comm, link);
        return 0;
    }
    struct statx more;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &more) == 0 && more.stx_mask & STATX_MNT_ID)
        view.mount_id = (int)more.stx_mnt_id;
    view.fd = fd;
    view.link = arena_strndup(dump->arena, target, (size_t)length);
    uint32_t id = file_image_id(dump, &view, NULL, e);
    if (!id)
        fail_in(e, "pid %d (%s): %s", (int)owner->pid, owner->comm, link);
    return id;
}

/* A `lock:` line of fdinfo tells what kind of lock is held through a descriptor:
 * `lock:\t1: POSIX  ADVISORY  WRITE 17 fe:00:123 0 EOF`. */
static int refuse_lock(struct dump *dump, const struct fd_view *view, const char *text,
                       struct error *e)
{
    char kind[16] = "", mode[16] = "", access[16] = "";
    const char *lock = strstr(text, "\nlock:");
    if (!lock || sscanf(lock + 6, "%*[^:]: %15s %15s %15s", kind, mode, access) < 1)
        return 0;
    return fail(e, ENOTSUP, "%s: file lock (%s %s) on %s: not supported yet",
                describe_view(dump->arena, view), kind, access, view->link);
}

/* `pos:`, `flags:` and `mnt_id:` lines of fdinfo; flags are octal. */
static int parse_fdinfo(const char *text, struct fd_view *view)
{
    unsigned long long position = 0;
    unsigned flags = 0;
    int mount = -1;
    const char *pos = strstr(text, "pos:"), *flag = strstr(text, "flags:"),
               *mnt = strstr(text, "mnt_id:");
    if (!pos || !flag || sscanf(pos, "pos: %lld", (long long *)&position) != 1 ||
        sscanf(flag, "flags: %o", &flags) != 1)
        return -1;
    if (mnt && sscanf(mnt, "mnt_id: %d", &mount) != 1)
        return -1;
    view->position = position;
    view->close_on_exec = flags & O_CLOEXEC;
    view->flags = flags & ~(unsigned)O_CLOEXEC;
    view->mount_id = mount;
    return 0;
}

int view_descriptor(struct dump *dump, const struct owner *owner, int number, struct fd_view *view,
                    struct error *e)
{
    char name[32], text[4096], target[PATH_MAX];
    *view = (struct fd_view){.owner = owner, .number = number, .fd = -1};
    snprintf(name, sizeof(name), "fdinfo/%d", number);
    AUTO_CLOSE int info = openat(owner->proc, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
    if (got < 0)
        return fail_errno(e, "pid %d (%s): fd %d: cannot read its fdinfo", (int)owner->pid,
                          owner->comm, number);
    text[got] = 0;
    if (parse_fdinfo(text, view) < 0)
        return fail(e, EBADMSG, "pid %d (%s): fd %d: its fdinfo is not understood", (int)owner->pid,
                    owner->comm, number);
    snprintf(name, sizeof(name), "fd/%d", number);
    ssize_t length = readlinkat(owner->proc, name, target, sizeof(target) - 1);
    if (length < 0)
        return fail_errno(e, "pid %d (%s): fd %d: cannot read its link", (int)owner->pid,
                          owner->comm, number);
    view->link = arena_strndup(dump->arena, target, (size_t)length);
    if (refuse_lock(dump, view, text, e) < 0)
        return -1;
    view->fd = (int)syscall(SYS_pidfd_getfd, owner->pidfd, number, 0);
    if (view->fd < 0 || fstat(view->fd, &view->st) < 0)
        return fail_errno(e, "pid %d (%s): fd %d: cannot get a duplicate", (int)owner->pid,
                          owner->comm, number);
    return 0;
}

/* The id of a process as its own pid namespace counts, which for those of the tree is the root's.
 * 0: it is gone. */
static uint32_t id_inside(pid_t pid)
{
    struct error gone = {0};
    struct proc_status status;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_CLOSE int proc = proc_open(pid, &gone);
    if (proc < 0 || proc_read_status(proc, arena, &status, &gone) < 0 || !status.ns_pid.count)
        return 0;
    return status.ns_pid.items[status.ns_pid.count - 1];
}

int save_owner_of_signals(const struct fd_view *view, FownEntry *fown, struct error *e)
{
    fown_entry__init(fown);
    if (view->number < 0 || view->flags & O_PATH)
        return 0;
    struct f_owner_ex owner = {0};
    uint32_t ids[2] = {0};
    int signal = fcntl(view->fd, F_GETSIG);
    if (fcntl(view->fd, F_GETOWN_EX, &owner) < 0 || signal < 0)
        return fail_errno(e, "fd %d: cannot read its signal owner", view->number);
    if (owner.pid == 0 && signal == 0)
        return 0;
    if (fcntl(view->fd, 17 /* F_GETOWNER_UIDS */, ids) < 0)
        ids[0] = ids[1] = 0;
    fown->uid = ids[0];
    fown->euid = ids[1];
    fown->signum = (uint32_t)signal;
    fown->pid_type = (uint32_t)owner.type;
    fown->pid = owner.pid > 0 ? id_inside(owner.pid) : 0;
    return 0;
}
