#include "runtime/rootfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/devices.h"
#include "runtime/hidden_paths.h"
#include "runtime/mounts.h"
#include "runtime/rootfs_path.h"

/* Nothing done here may reach the host; yet a mount that shall be a slave or shared must stay
 * related to it, so what is not asked to be private becomes a slave first. */
static int part_from_host(const struct spec *spec, struct error *e)
{
    bool private = spec->rootfs_propagation & MS_PRIVATE;
    if (mount(NULL, "/", NULL, MS_REC | (private ? MS_PRIVATE : MS_SLAVE), NULL) < 0)
        return fail_errno(e, "cannot part from the host's mounts");
    return 0;
}

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

/* As Docker's users expect, `-w` makes its directory. Where it cannot, chdir(2) will say why. */
static void make_working_directory(int root, const struct spec *spec, struct arena *arena)
{
    struct error ignored;
    AUTO_CLOSE int made = rootfs_make(root, spec->process.cwd, true, arena, &ignored);
    (void)made;
}

int rootfs_furnish(const struct spec *spec, const char *bundle,
                   const struct hierarchies *hierarchies,
                   int (*before_cgroups)(void *argument, struct error *e), void *argument,
                   struct arena *arena, struct error *e)
{
    AUTO_CLOSE int root = part_from_host(spec, e) < 0 ? -1 : mount_rootfs_on_itself(spec, e);
    bool waited = false;
    for (size_t i = 0; root >= 0 && i < spec->mounts_count; i++) {
        const struct mount_spec *mount = &spec->mounts[i];
        if (!waited && !strcmp(mount->type, "cgroup") && before_cgroups(argument, e) < 0)
            return -1;
        waited = waited || !strcmp(mount->type, "cgroup");
        if (mounts_make(root, bundle, mount, hierarchies, spec->cgroups_path, arena, e) < 0)
            return -1;
    }
    if (root < 0 || devices_make(root, spec, arena, e) < 0 ||
        hidden_paths_make(root, spec, e) < 0 || (!waited && before_cgroups(argument, e) < 0))
        return -1;
    make_working_directory(root, spec, arena);
    return take_fd(&root);
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

int rootfs_enter(int root, const struct spec *spec, struct error *e)
{
    return pivot_into(root, e) < 0 ? -1 : finish_root(spec, e);
}
