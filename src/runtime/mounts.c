#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/mount_options.h"
#include "runtime/rootfs_path.h"

int mounts_clone(int dir, const char *path, bool recursive)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    return open_tree(dir, path, flags | (recursive ? AT_RECURSIVE : 0));
}

int mounts_attach(int mount, int at)
{
    return move_mount(mount, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* The kernel says more than an errno to who reads the configuration's descriptor: "e ..." lines. */
static int fail_as_file_system_says(int context, const char *what, struct error *e)
{
    int code = errno;
    char line[256];
    ssize_t length = read(context, line, sizeof(line) - 1);
    while (length > 0 && line[length - 1] == '\n')
        length--;
    line[length > 0 ? length : 0] = 0;
    if (length > 2 && line[0] == 'e')
        return fail(e, code, "%s: %s", what, line + 2);
    errno = code;
    return fail_errno(e, "%s", what);
}

static int configure(int context, const char *option, struct error *e)
{
    char key[256];
    const char *equals = strchr(option, '=');
    size_t length = equals ? (size_t)(equals - option) : strlen(option);
    if (length >= sizeof(key))
        return fail(e, EINVAL, "mount option %s is too long", option);
    memcpy(key, option, length);
    key[length] = 0;
    unsigned command = equals ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    if (fsconfig(context, command, key, equals ? equals + 1 : NULL, 0) < 0)
        return fail_as_file_system_says(context, option, e);
    return 0;
}

int mounts_new(const char *type, const char *source, const struct strings *data,
               uint64_t attributes, struct error *e)
{
    AUTO_CLOSE int context = fsopen(type, FSOPEN_CLOEXEC);
    if (context < 0)
        return fail_errno(e, "file system %s", type);
    if (fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0)
        return fail_as_file_system_says(context, source, e);
    for (size_t i = 0; data && i < data->count; i++)
        if (configure(context, data->items[i], e) < 0)
            return -1;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fail_as_file_system_says(context, type, e);
    int mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
    return mount < 0 ? fail_as_file_system_says(context, type, e) : mount;
}

static int set_attributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation,
                          unsigned flags, struct error *e)
{
    if (!set && !clear && !propagation)
        return 0;
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    if (mount_setattr(mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)) < 0)
        return fail_errno(e, "cannot set its attributes");
    return 0;
}

static int set_options(int mount, const struct mount_options *options, struct error *e)
{
    if (set_attributes(mount, options->recursive_set, options->recursive_clear,
                       options->recursive_propagation, AT_RECURSIVE, e) < 0)
        return -1;
    return set_attributes(mount, options->set, options->clear, options->propagation, 0, e);
}

static int clone_source(const char *bundle, const struct mount_spec *spec,
                        const struct mount_options *options, struct arena *arena, struct error *e)
{
    const char *source = spec->source;
    if (source[0] != '/')
        source = arena_printf(arena, "%s/%s", bundle, source);
    int mount = mounts_clone(AT_FDCWD, source, options->recursive_bind);
    return mount < 0 ? fail_errno(e, "bind source path %s", source) : mount;
}

static bool is_directory(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* An image must not choose where /proc and /sys go: its links there are refused. */
static int open_destination(int root, const struct mount_spec *spec, int mount, struct arena *arena,
                            struct error *e)
{
    bool guarded = !strcmp(spec->type, "proc") || !strcmp(spec->type, "sysfs");
    if (guarded) {
        AUTO_CLOSE int link = rootfs_open(root, spec->destination, O_NOFOLLOW);
        struct stat st;
        if (link >= 0 && fstat(link, &st) == 0 && S_ISLNK(st.st_mode))
            return fail(e, ELOOP, "mount point is a symbolic link");
    }
    return rootfs_make(root, spec->destination, is_directory(mount), arena, e);
}

static int make_mount(int root, const char *bundle, const struct mount_spec *spec,
                      struct arena *arena, struct error *e)
{
    struct mount_options options;
    if (mount_options_read(&options, &spec->options, arena, e) < 0)
        return -1;
    bool bind = options.bind || !strcmp(spec->type, "bind");
    AUTO_CLOSE int mount =
        bind ? clone_source(bundle, spec, &options, arena, e)
             : mounts_new(spec->type, spec->source, &options.data, options.set, e);
    if (mount < 0)
        return -1;
    if (!bind)
        options.set = options.clear = 0;
    if (set_options(mount, &options, e) < 0)
        return -1;
    AUTO_CLOSE int at = open_destination(root, spec, mount, arena, e);
    if (at < 0)
        return -1;
    return mounts_attach(mount, at) < 0 ? fail_errno(e, "cannot attach it") : 0;
}

int mounts_make(int root, const char *bundle, const struct mount_spec *spec,
                const struct hierarchies *hierarchies, const char *cgroups_path,
                struct arena *arena, struct error *e)
{
    int made = !strcmp(spec->type, "cgroup")
                   ? cgroup_mounts_make(root, spec, hierarchies, cgroups_path, arena, e)
                   : make_mount(root, bundle, spec, arena, e);
    return made < 0 ? fail_in(e, "mount %s on %s", spec->type, spec->destination) : 0;
}
