#include "runtime/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/devices.h"
#include "runtime/hidden_paths.h"
#include "runtime/mounts.h"

/* pivot_root(2) wants a mount point of its own. Returns its descriptor. */
static int mount_rootfs_on_itself(const struct spec *spec, struct error *e)
{
    AUTO_CLOSE int at = open(spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return fail_errno(e, "rootfs %s", spec->rootfs);
    int mount = mounts_clone(at, "", true);
    if (mount >= 0 && mounts_attach(mount, at) == 0)
        return mount;
    if (mount >= 0)
        close(mount);
    return fail_errno(e, "cannot bind rootfs %s", spec->rootfs);
}

static int make_mounts(int root, const struct spec *spec, const char *bundle,
                       const struct hierarchies *hierarchies, struct arena *arena, struct error *e)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (mounts_make(root, bundle, &spec->mounts[i], hierarchies, spec->cgroups_path, arena, e) <
            0)
            return -1;
    return 0;
}

/* Both arguments of pivot_root may be the same directory: the old root then lies on the new one,
 * and unmounting the working directory takes it away. */
static int pivot_into(int root, struct error *e)
{
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return fail_errno(e, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return fail_errno(e, "cannot leave the old root");
    return 0;
}

static int finish_root(const struct spec *spec, struct error *e)
{
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    if (spec->rootfs_readonly && mount_setattr(AT_FDCWD, "/", 0, &readonly, sizeof(readonly)) < 0)
        return fail_errno(e, "cannot make the root read-only");
    if (!(spec->rootfs_propagation & MS_PRIVATE) &&
        mount(NULL, "/", NULL, spec->rootfs_propagation, NULL) < 0)
        return fail_errno(e, "cannot set the propagation of the root");
    return 0;
}

int rootfs_enter(const struct spec *spec, const char *bundle, const struct hierarchies *hierarchies,
                 struct arena *arena, struct error *e)
{
    /* Nothing done here may reach the host; yet a mount that shall be a slave or shared must stay
     * related to it, so what is not asked to be private becomes a slave first. */
    bool private = spec->rootfs_propagation & MS_PRIVATE;
    if (mount(NULL, "/", NULL, MS_REC | (private ? MS_PRIVATE : MS_SLAVE), NULL) < 0)
        return fail_errno(e, "cannot part from the host's mounts");
    AUTO_CLOSE int root = mount_rootfs_on_itself(spec, e);
    if (root < 0 || make_mounts(root, spec, bundle, hierarchies, arena, e) < 0 ||
        devices_make(root, spec, arena, e) < 0 || hidden_paths_make(root, spec, e) < 0 ||
        pivot_into(root, e) < 0)
        return -1;
    return finish_root(spec, e);
}
