#include "runtime/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/rootfs_path.h"

static bool dev_is_bound(const struct spec *spec)
{
    for (size_t i = 0; i < spec->mounts_count; i++) {
        const struct mount_spec *mount = &spec->mounts[i];
        if (strcmp(mount->destination, "/dev") != 0 && strcmp(mount->destination, "/dev/") != 0)
            continue;
        if (!strcmp(mount->type, "bind"))
            return true;
        for (size_t o = 0; o < mount->options.count; o++)
            if (!strcmp(mount->options.items[o], "bind") ||
                !strcmp(mount->options.items[o], "rbind"))
                return true;
    }
    return false;
}

static bool is_that_device(int parent, const char *name, const struct device_spec *device)
{
    struct stat st;
    return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (st.st_mode & S_IFMT) == (device->mode & S_IFMT) && st.st_rdev == device->number;
}

static int make_node(int parent, const char *name, const struct device_spec *device,
                     struct error *e)
{
    if (mknodat(parent, name, device->mode, device->number) < 0) {
        if (errno == EEXIST && is_that_device(parent, name, device))
            return 0;
        return fail_errno(e, "cannot make device %s", device->path);
    }
    if ((device->uid || device->gid) &&
        fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_errno(e, "cannot chown device %s", device->path);
    return 0;
}

static int make_default_nodes(int dev, struct error *e)
{
    static const struct {
        const char *name;
        unsigned minor, major;
    } nodes[] = {{"null", 3, 1},   {"zero", 5, 1},    {"full", 7, 1},
                 {"random", 8, 1}, {"urandom", 9, 1}, {"tty", 0, 5}};
    for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
        struct device_spec device = {.path = nodes[i].name,
                                     .mode = S_IFCHR | 0666,
                                     .number = makedev(nodes[i].major, nodes[i].minor)};
        if (make_node(dev, nodes[i].name, &device, e) < 0)
            return -1;
    }
    return 0;
}

static int make_links(int dev, struct error *e)
{
    static const char *const links[][2] = {{"/proc/self/fd", "fd"},
                                           {"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"pts/ptmx", "ptmx"}};
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
        if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
            return fail_errno(e, "cannot link /dev/%s", links[i][1]);
    return 0;
}

static int make_wanted_nodes(int root, const struct spec *spec, struct arena *arena,
                             struct error *e)
{
    for (size_t i = 0; i < spec->devices_count; i++) {
        const char *name = NULL;
        AUTO_CLOSE int parent = rootfs_make_parent(root, spec->devices[i].path, &name, arena, e);
        if (parent < 0 || make_node(parent, name, &spec->devices[i], e) < 0)
            return -1;
    }
    return 0;
}

int devices_make(int root, const struct spec *spec, struct arena *arena, struct error *e)
{
    if (dev_is_bound(spec))
        return 0;
    AUTO_CLOSE int dev = rootfs_make(root, "dev", true, arena, e);
    if (dev < 0)
        return -1;
    mode_t kept = umask(0);
    int made = make_wanted_nodes(root, spec, arena, e);
    if (made == 0)
        made = make_default_nodes(dev, e);
    if (made == 0)
        made = make_links(dev, e);
    umask(kept);
    return made;
}
