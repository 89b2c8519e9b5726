#include "objects/mount_propagation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct sharing {
    const struct mount_table *table;
    const int *fds;
    bool *done;
};

/* Of a group's members, the one that shows most: the kernel lets others join only downwards. */
static const struct mount *leader_of(const struct mount_table *table, uint32_t group)
{
    const struct mount *leader = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct mount *mount = &table->mounts[i];
        if (mount->info.shared == group &&
            (!leader || strlen(mount->info.root) < strlen(leader->info.root)))
            leader = mount;
    }
    return leader;
}

bool mount_has_master_outside(const struct mount_table *table, const struct mount *mount)
{
    return mount->info.master && !leader_of(table, mount->info.master);
}

static int fd_of(const struct sharing *sharing, const struct mount *mount)
{
    return sharing->fds[mount - sharing->table->mounts];
}

static int set_propagation(const struct sharing *sharing, const struct mount *mount, uint64_t how,
                           struct error *e)
{
    struct mount_attr attributes = {.propagation = how};
    if (mount_setattr(fd_of(sharing, mount), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) <
        0)
        return fail_errno(e, MOUNT_FORMAT ": cannot set its propagation", MOUNT_NAME(mount));
    return 0;
}

static int join(const struct sharing *sharing, const struct mount *mount,
                const struct mount *member, struct error *e)
{
    unsigned flags = MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (move_mount(fd_of(sharing, member), "", fd_of(sharing, mount), "", flags) < 0)
        return fail_errno(e, MOUNT_FORMAT ": cannot share with " MOUNT_FORMAT, MOUNT_NAME(mount),
                          MOUNT_NAME(member));
    return 0;
}

static int share(const struct sharing *sharing, const struct mount *mount, struct error *e);

static int follow_master(const struct sharing *sharing, const struct mount *mount, struct error *e)
{
    const struct mount *master = leader_of(sharing->table, mount->info.master);
    if (!master || master == mount)
        return 0;
    if (share(sharing, master, e) < 0 || join(sharing, mount, master, e) < 0)
        return -1;
    return set_propagation(sharing, mount, MS_SLAVE, e);
}

static int share(const struct sharing *sharing, const struct mount *mount, struct error *e)
{
    bool *done = &sharing->done[mount - sharing->table->mounts];
    if (*done)
        return 0;
    *done = true;
    const struct mount *leader =
        mount->info.shared ? leader_of(sharing->table, mount->info.shared) : NULL;
    /* Who joins a group gets its master with it. */
    if (leader && leader != mount)
        return share(sharing, leader, e) < 0 ? -1 : join(sharing, mount, leader, e);
    if (mount->info.master && follow_master(sharing, mount, e) < 0)
        return -1;
    if (leader)
        return set_propagation(sharing, mount, MS_SHARED, e);
    return mount->flags & MS_UNBINDABLE ? set_propagation(sharing, mount, MS_UNBINDABLE, e) : 0;
}

int mounts_share(const struct mount_table *table, const int *fds, struct arena *arena,
                 struct error *e)
{
    struct sharing sharing = {table, fds, arena_alloc(arena, table->count * sizeof(bool))};
    for (size_t i = 0; i < table->count; i++)
        if (share(&sharing, &table->mounts[i], e) < 0)
            return -1;
    return 0;
}
