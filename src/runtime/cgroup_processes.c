/* Processes of a container's cgroup: who they are, signals for them, freezing them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"

const struct hierarchy *cgroup_witness(const struct cgroup *cgroup)
{
    const struct hierarchies *hierarchies = &cgroup->hierarchies;
    const struct hierarchy *witness = hierarchies_v1(hierarchies, "freezer");
    if (!witness)
        witness = hierarchies_v2(hierarchies);
    return witness || !hierarchies->count ? witness : &hierarchies->items[0];
}

static int list_here(int directory, struct pids *pids, struct arena *arena, struct error *e)
{
    char *text = read_file_at(directory, "cgroup.procs", arena, NULL, e);
    char *rest = NULL;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        int pid = 0;
        /* 0 is a process that this pid namespace cannot name. */
        if (parse_int(line, &pid) && pid > 0)
            vec_add(arena, pids, pid);
    }
    /* ENODEV: the cgroup was removed while it was open. */
    return text || e->code == ENODEV || e->code == ENOENT ? 0 : -1;
}

int cgroup_list_pids(int directory, struct pids *pids, struct arena *arena, struct error *e)
{
    if (list_here(directory, pids, arena, e) < 0)
        return -1;
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *entries = again < 0 ? NULL : fdopendir(again);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        AUTO_CLOSE int child = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (child >= 0 && cgroup_list_pids(child, pids, arena, e) < 0)
            return -1;
    }
    return 0;
}

/* Opens the container's cgroup in its witness. 0 with -1 in *directory where there is none. */
static int open_witness(const char *cgroups_path, bool *v2, int *directory, struct arena *arena,
                        struct error *e)
{
    struct cgroup cgroup;
    *directory = -1;
    if (cgroup_find(&cgroup, cgroups_path, arena, e) < 0)
        return -1;
    const struct hierarchy *witness = cgroup_witness(&cgroup);
    if (!witness)
        return fail(e, ENOTSUP, "no cgroup hierarchy is mounted");
    *v2 = witness->v2;
    *directory = hierarchy_open_cgroup(witness, cgroups_path);
    return *directory < 0 && errno != ENOENT ? fail_errno(e, "cgroup %s", cgroups_path) : 0;
}

int runtime_cgroup_pids(const char *cgroups_path, struct arena *arena, pid_t **pids, size_t *count,
                        struct error *e)
{
    AUTO_CLOSE int directory = -1;
    bool v2 = false;
    struct pids found = {0};
    if (open_witness(cgroups_path, &v2, &directory, arena, e) < 0 ||
        (directory >= 0 && cgroup_list_pids(directory, &found, arena, e) < 0))
        return -1;
    *pids = found.items;
    *count = found.count;
    return 0;
}

/* The value of `frozen` in a v2 cgroup.events. */
static int reads_frozen(int events)
{
    char text[128];
    ssize_t length = pread(events, text, sizeof(text) - 1, 0);
    if (length < 0)
        return -1;
    text[length] = 0;
    const char *at = strstr(text, "frozen ");
    return at && at[7] == '1';
}

static int freeze_v2(int directory, bool frozen, struct error *e)
{
    if (write_string_at(directory, "cgroup.freeze", frozen ? "1" : "0", e) < 0)
        return -1;
    AUTO_CLOSE int events = openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (events < 0)
        return fail_errno(e, "cgroup.events");
    for (int waits = 0; waits < 100; waits++) {
        int now = reads_frozen(events);
        if (now < 0)
            return fail_errno(e, "cgroup.events");
        if (now == frozen)
            return 0;
        struct pollfd changed = {.fd = events, .events = POLLPRI};
        (void)poll(&changed, 1, 100);
    }
    return fail(e, ETIMEDOUT, "not %s after 10 seconds", frozen ? "frozen" : "thawed");
}

/* v1 tells nobody when the last process stands still: it has to be asked, ever less often. */
static int freeze_v1(int directory, bool frozen, struct error *e)
{
    const char *wanted = frozen ? "FROZEN" : "THAWED";
    long pause_us = 20, waited_us = 0;
    while (waited_us < 10 * 1000 * 1000) {
        char state[16] = "";
        /* Written each time: processes forked meanwhile may have slipped through. */
        if (write_string_at(directory, "freezer.state", wanted, e) < 0)
            return -1;
        AUTO_CLOSE int fd = openat(directory, "freezer.state", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0)
            return fail_errno(e, "freezer.state");
        if (starts_with(state, wanted))
            return 0;
        struct timespec pause = {.tv_nsec = pause_us * 1000};
        nanosleep(&pause, NULL);
        waited_us += pause_us;
        pause_us = pause_us < 5000 ? pause_us * 2 : pause_us;
    }
    return fail(e, ETIMEDOUT, "not %s after 10 seconds", frozen ? "frozen" : "thawed");
}

static int freeze(int directory, bool v2, bool frozen, struct error *e)
{
    return v2 ? freeze_v2(directory, frozen, e) : freeze_v1(directory, frozen, e);
}

int runtime_cgroup_freeze(const char *cgroups_path, bool frozen, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_CLOSE int directory = -1;
    bool v2 = false;
    if (open_witness(cgroups_path, &v2, &directory, arena, e) < 0)
        return -1;
    if (directory < 0)
        return fail(e, ENOENT, "cgroup %s does not exist", cgroups_path);
    if (freeze(directory, v2, frozen, e) == 0)
        return 0;
    struct error ignored;
    if (frozen)
        (void)freeze(directory, v2, false, &ignored);
    return fail_in(e, "cgroup %s", cgroups_path);
}

static int signal_listed(int directory, int signal, struct arena *arena, struct error *e)
{
    struct pids pids = {0};
    if (cgroup_list_pids(directory, &pids, arena, e) < 0)
        return -1;
    for (size_t i = 0; i < pids.count; i++)
        if (kill(pids.items[i], signal) < 0 && errno != ESRCH)
            return fail_errno(e, "cannot signal pid %d", pids.items[i]);
    return 0;
}

/* Who is frozen cannot fork and cannot exit, so that a listed pid is still the same process. */
static int kill_frozen(int directory, bool v2, struct arena *arena, struct error *e)
{
    struct error ignored;
    (void)freeze(directory, v2, true, &ignored);
    int done = signal_listed(directory, SIGKILL, arena, e);
    (void)freeze(directory, v2, false, &ignored);
    return done;
}

int runtime_cgroup_signal(const char *cgroups_path, int signal, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_CLOSE int directory = -1;
    bool v2 = false;
    if (open_witness(cgroups_path, &v2, &directory, arena, e) < 0)
        return -1;
    if (directory < 0)
        return 0;
    if (signal != SIGKILL)
        return signal_listed(directory, signal, arena, e);
    struct error missing;
    if (v2 && write_string_at(directory, "cgroup.kill", "1", &missing) == 0)
        return 0;
    return kill_frozen(directory, v2, arena, e);
}
