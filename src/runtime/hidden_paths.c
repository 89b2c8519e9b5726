#include "runtime/hidden_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/mounts.h"
#include "runtime/rootfs_path.h"

static int attach(int mount, int at, const char *path, struct error *e)
{
    return mount >= 0 && mounts_attach(mount, at) == 0 ? 0 : fail_errno(e, "cannot cover %s", path);
}

static int make_readonly(int root, const char *path, struct error *e)
{
    AUTO_CLOSE int at = rootfs_open(root, path, 0);
    if (at < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(e, "%s", path);
    AUTO_CLOSE int mount = mounts_clone(at, "", true);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount >= 0 &&
        mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
        return fail_errno(e, "cannot make %s read-only", path);
    return attach(mount, at, path, e);
}

static int mask_directory(int at, const char *path, struct error *e)
{
    AUTO_CLOSE int mount = mounts_new("tmpfs", "tmpfs", NULL, MOUNT_ATTR_RDONLY, e);
    return mount < 0 ? fail_in(e, "cannot cover %s", path) : attach(mount, at, path, e);
}

/* The image decides what its /dev/null is where no /dev is mounted: look before trusting it. */
static int open_null_device(int root, struct error *e)
{
    int null = rootfs_open(root, "dev/null", O_NOFOLLOW);
    struct stat st;
    if (null >= 0 && fstat(null, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        return null;
    if (null >= 0)
        close(null);
    return fail(e, EINVAL, "the container's /dev/null is not the null device");
}

static int mask_file(int root, int at, const char *path, struct error *e)
{
    AUTO_CLOSE int null = open_null_device(root, e);
    if (null < 0)
        return fail_in(e, "cannot cover %s", path);
    AUTO_CLOSE int mount = mounts_clone(null, "", false);
    return attach(mount, at, path, e);
}

static int make_masked(int root, const char *path, struct error *e)
{
    AUTO_CLOSE int at = rootfs_open(root, path, 0);
    if (at < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(e, "%s", path);
    struct stat st;
    if (fstat(at, &st) < 0)
        return fail_errno(e, "%s", path);
    return S_ISDIR(st.st_mode) ? mask_directory(at, path, e) : mask_file(root, at, path, e);
}

int hidden_paths_make(int root, const struct spec *spec, struct error *e)
{
    for (size_t i = 0; i < spec->readonly_paths.count; i++)
        if (make_readonly(root, spec->readonly_paths.items[i], e) < 0)
            return fail_in(e, "linux.readonlyPaths");
    for (size_t i = 0; i < spec->masked_paths.count; i++)
        if (make_masked(root, spec->masked_paths.items[i], e) < 0)
            return fail_in(e, "linux.maskedPaths");
    return 0;
}
