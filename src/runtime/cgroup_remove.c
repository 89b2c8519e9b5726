/* Removal of a container's cgroups, which has to wait for processes that are still exiting. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"

enum { patience_ms = 10000 };

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Sleeps until one process of the cgroup is gone. Where none is listed the last one has just left
 * its pid and is about to leave the cgroup, for which there is no event: a millisecond then. */
static int wait_for_an_exit(int parent, const char *name, int timeout_ms, struct arena *arena,
                            struct error *e)
{
    AUTO_CLOSE int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct pids pids = {0};
    if (directory < 0)
        return 0;
    if (cgroup_list_pids(directory, &pids, arena, e) < 0)
        return -1;
    AUTO_CLOSE int process = pids.count ? (int)syscall(SYS_pidfd_open, pids.items[0], 0) : -1;
    struct pollfd exited = {.fd = process, .events = POLLIN};
    (void)poll(&exited, 1, process < 0 ? 1 : timeout_ms);
    return 0;
}

static void remove_children(int parent, const char *name)
{
    int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *entries = directory < 0 ? NULL : fdopendir(directory);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        remove_children(directory, entry->d_name);
        (void)unlinkat(directory, entry->d_name, AT_REMOVEDIR);
    }
}

static int remove_one(int parent, const char *name, long long deadline, struct arena *arena,
                      struct error *e)
{
    for (;;) {
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY)
            return fail_errno(e, "cannot remove it");
        long long left = deadline - now_ms();
        if (left <= 0)
            return fail(e, EBUSY, "processes are still in it");
        remove_children(parent, name);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (wait_for_an_exit(parent, name, (int)left, arena, e) < 0)
            return -1;
    }
}

static int remove_in(const struct hierarchy *hierarchy, const char *path, long long deadline,
                     struct arena *arena, struct error *e)
{
    AUTO_CLOSE int top = open(hierarchy->mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return fail_errno(e, "cgroups at %s", hierarchy->mount_point);
    if (remove_one(top, path + (*path == '/'), deadline, arena, e) < 0)
        return fail_in(e, "cgroup %s of %s", path, hierarchy->mount_point);
    return 0;
}

int cgroup_remove(const struct cgroup *cgroup, struct arena *arena, struct error *e)
{
    long long deadline = now_ms() + patience_ms;
    int done = 0;
    for (size_t i = 0; cgroup->path && i < cgroup->hierarchies.count; i++)
        if (remove_in(&cgroup->hierarchies.items[i], cgroup->path, deadline, arena, e) < 0)
            done = -1;
    return done;
}

int runtime_cgroup_remove(const char *cgroups_path, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct cgroup cgroup;
    if (cgroup_find(&cgroup, cgroups_path, arena, e) < 0)
        return -1;
    return cgroup_remove(&cgroup, arena, e);
}
