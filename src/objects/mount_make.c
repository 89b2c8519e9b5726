#include "objects/mount_make.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "objects/filesystem.h"
#include "objects/mount_options.h"

/* Who reads the descriptor of a file system's configuration gets more than an errno. */
static int fail_as_told(int context, const char *what, struct error *e)
{
    int code = errno;
    char line[256];
    ssize_t length = read(context, line, sizeof(line) - 1);
    if (length <= 2) {
        errno = code;
        return fail_errno(e, "%s", what);
    }
    line[length] = 0;
    line[strcspn(line, "\n")] = 0;
    return fail(e, code, "%s: %s", what, line + 2);
}

static int set_option(int context, char *option, struct error *e)
{
    char *value = strchr(option, '=');
    if (value)
        *value++ = 0;
    /* A program that the kernel starts outside of all containers: no image may name it. */
    if (!strcmp(option, "release_agent"))
        return fail(e, EPERM, "option %s: not supported", option);
    if (fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0) < 0)
        return fail_as_told(context, option, e);
    return 0;
}

static int set_options(struct restore *restore, int context, const struct mount *mount,
                       struct error *e)
{
    char *rest = arena_strdup(restore->arena, mount->data);
    for (char *option; (option = strsep(&rest, ","));)
        if (*option && set_option(context, option, e) < 0)
            return -1;
    const char *source = mount->info.source;
    if (*source && fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0)
        return fail_as_told(context, source, e);
    return 0;
}

/* A read-only file system is filled first. */
static int make_read_only(int fd, struct error *e)
{
    AUTO_CLOSE int context = fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
        fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        return fail_errno(e, "cannot make its file system read-only");
    return 0;
}

static int fill(struct restore *restore, const struct mount *mount, int fd, struct error *e)
{
    if (mount->kind->fill && mount->kind->fill(restore, mount, fd, e) < 0)
        return -1;
    if (mount->kind->private_instance && mount->super_flags & MS_RDONLY)
        return make_read_only(fd, e);
    return 0;
}

int mount_make_new(struct restore *restore, const struct mount *mount, struct error *e)
{
    AUTO_CLOSE int context = fsopen(mount->kind->name, FSOPEN_CLOEXEC);
    if (context < 0)
        return fail_errno(e, "this kernel has no such file system");
    if (set_options(restore, context, mount, e) < 0)
        return -1;
    /* Instances that are shared with others keep their state: only a first mount takes this. */
    if (!mount->kind->private_instance && mount->super_flags & MS_RDONLY)
        (void)fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0);
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fail_as_told(context, "cannot make it", e);
    AUTO_CLOSE int fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
    if (fd < 0)
        return fail_as_told(context, "cannot make it", e);
    return fill(restore, mount, fd, e) < 0 ? -1 : take_fd(&fd);
}

int mount_clone(int directory, const char *path, struct error *e)
{
    int fd = open_tree(directory, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    return fd < 0 ? fail_errno(e, "source %s", path) : fd;
}

/* What a path of the image leads to; "" is the mount's own root. */
static int open_below(int mount, const char *path, struct error *e)
{
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    int fd = *path ? (int)syscall(SYS_openat2, mount, path + 1, &how, sizeof(how))
                   : fcntl(mount, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? fail_errno(e, "%s", *path ? path : "/") : fd;
}

int mount_clone_below(int mount, const char *path, struct error *e)
{
    AUTO_CLOSE int source = open_below(mount, path, e);
    return source < 0 ? fail_in(e, "source") : mount_clone(source, "", e);
}

int mount_set_flags(int fd, const struct mount *mount, bool keep_master, struct error *e)
{
    uint64_t all = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                   MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;
    struct mount_attr attributes = {.attr_set = mount_attributes_of(mount->flags),
                                    .attr_clr = all,
                                    .propagation = keep_master ? 0 : MS_PRIVATE};
    if (mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
        return fail_errno(e, "cannot set its flags");
    return 0;
}

int mount_attach_below(int mount, const char *path, int fd, struct error *e)
{
    AUTO_CLOSE int at = open_below(mount, path, e);
    if (at < 0)
        return fail_in(e, "mount point");
    if (move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return fail_errno(e, "cannot attach it");
    return 0;
}
