#include "runtime/cgroup_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "runtime/mount_options.h"
#include "runtime/mounts.h"
#include "runtime/rootfs_path.h"

const char *cgroup_mounts_name(const struct hierarchy *hierarchy)
{
    if (hierarchy->v2)
        return "unified";
    return starts_with(hierarchy->controllers, "name=") ? hierarchy->controllers + 5
                                                        : hierarchy->controllers;
}

bool cgroup_mounts_are_binds(const struct hierarchies *hierarchies)
{
    for (size_t i = 0; i < hierarchies->count; i++)
        if (!hierarchies->items[i].v2)
            return true;
    return false;
}

static int attach_at(int root, const char *path, int mount, struct arena *arena, struct error *e)
{
    AUTO_CLOSE int at = rootfs_make(root, path, true, arena, e);
    if (at < 0)
        return -1;
    return mounts_attach(mount, at) < 0 ? fail_errno(e, "cannot attach it to %s", path) : 0;
}

/* "cpu,cpuacct" is also known as "cpu" and as "cpuacct". */
static int link_single_names(int directory, const char *name, struct arena *arena, struct error *e)
{
    if (!strchr(name, ','))
        return 0;
    char *rest = NULL, *list = arena_strdup(arena, name);
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        if (symlinkat(name, directory, word) < 0 && errno != EEXIST)
            return fail_errno(e, "cannot link %s", word);
    return 0;
}

static int bind_cgroup(int directory, const struct hierarchy *hierarchy, const char *cgroups_path,
                       uint64_t attributes, struct arena *arena, struct error *e)
{
    AUTO_CLOSE int cgroup = hierarchy_open_cgroup(hierarchy, cgroups_path);
    AUTO_CLOSE int mount = cgroup < 0 ? -1 : mounts_clone(cgroup, "", false);
    if (mount < 0)
        return fail_errno(e, "cgroup %s of %s", cgroups_path, hierarchy->mount_point);
    struct mount_attr attr = {.attr_set = attributes};
    if (mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return fail_errno(e, "cannot set attributes of %s", hierarchy->mount_point);
    const char *name = cgroup_mounts_name(hierarchy);
    /* The directory is a tmpfs that nobody else has seen yet: no link can be in the way. */
    if (mkdirat(directory, name, 0755) < 0 ||
        move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail_errno(e, "cannot attach %s", name);
    return link_single_names(directory, name, arena, e);
}

static int make_v1(int root, const char *destination, const struct hierarchies *hierarchies,
                   const char *cgroups_path, uint64_t attributes, struct arena *arena,
                   struct error *e)
{
    const char *mode[] = {"mode=755"};
    struct strings data = {.items = mode, .count = 1};
    AUTO_CLOSE int mount = mounts_new("tmpfs", "tmpfs", &data, attributes & ~MOUNT_ATTR_RDONLY, e);
    if (mount < 0 || attach_at(root, destination, mount, arena, e) < 0)
        return -1;
    for (size_t i = 0; i < hierarchies->count; i++)
        if (bind_cgroup(mount, &hierarchies->items[i], cgroups_path, attributes, arena, e) < 0)
            return -1;
    struct mount_attr attr = {.attr_set = attributes};
    if (mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return fail_errno(e, "cannot set attributes");
    return 0;
}

int cgroup_mounts_make(int root, const struct mount_spec *spec,
                       const struct hierarchies *hierarchies, const char *cgroups_path,
                       struct arena *arena, struct error *e)
{
    struct mount_options options;
    if (mount_options_read(&options, &spec->options, arena, e) < 0)
        return -1;
    if (cgroup_mounts_are_binds(hierarchies)) {
        if (!cgroups_path)
            return fail(e, EINVAL, "linux.cgroupsPath is not given");
        return make_v1(root, spec->destination, hierarchies, cgroups_path, options.set, arena, e);
    }
    AUTO_CLOSE int mount = mounts_new("cgroup2", "cgroup", NULL, options.set, e);
    return mount < 0 ? -1 : attach_at(root, spec->destination, mount, arena, e);
}
