/* Who a container's process runs as: names are looked up in the container's own /etc. */
#ifndef STASIS_ENGINE_USERS_H
#define STASIS_ENGINE_USERS_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

struct user {
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t groups_count, groups_capacity;
    const char *home;
};

/* Resolves "", "name", "uid", "name:group", "uid:gid" below the directory `rootfs`. EINVAL where a
 * name is unknown. passwd(5), group(5). */
int user_resolve(struct user *user, int rootfs, const char *text, struct arena *arena,
                 struct error *e);

#endif
