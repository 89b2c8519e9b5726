#include "runtime/rootfs_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int rootfs_open(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(O_PATH | O_CLOEXEC | flags),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    for (;;) {
        int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
        /* EAGAIN: something was renamed on the way, the kernel cannot tell whether `..` is safe. */
        if (fd >= 0 || errno != EAGAIN)
            return fd;
    }
}

/* Makes one component in an existing directory. 1 if something of that name was there already. */
static int make_component(int parent, const char *name, bool directory, struct error *e)
{
    int made = directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
    if (made == 0)
        return 0;
    if (errno == EEXIST)
        return 1;
    return fail_errno(e, "cannot make %s", name);
}

/* The path to go on with where `name` in the directory `before` is a link to nothing. */
static char *follow_dangling_link(int parent, const char *before, const char *name,
                                  const char *rest, struct arena *arena, struct error *e)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);
    if (length < 0) {
        fail_errno(e, "cannot make %s", name);
        return NULL;
    }
    target[length] = 0;
    return target[0] == '/' ? arena_printf(arena, "%s%s", target, rest)
                            : arena_printf(arena, "%s/%s%s", before, target, rest);
}

/* Makes the first missing component of `path` and returns the path to go on with. */
static char *make_first_missing(int root, char *path, bool directory, struct arena *arena,
                                struct error *e)
{
    for (char *at = path + strspn(path, "/"); *at;) {
        size_t length = strcspn(at, "/");
        char *end = at + length;
        const char *before = arena_strndup(arena, path, (size_t)(at - path));
        const char *until = arena_strndup(arena, path, (size_t)(end - path));
        bool last = end[strspn(end, "/")] == 0;
        AUTO_CLOSE int there = rootfs_open(root, until, 0);
        if (there < 0 && errno != ENOENT) {
            fail_errno(e, "%s", until);
            return NULL;
        }
        if (there < 0) {
            const char *name = arena_strndup(arena, at, length);
            AUTO_CLOSE int parent = rootfs_open(root, before, O_DIRECTORY);
            if (parent < 0) {
                fail_errno(e, "%s", before);
                return NULL;
            }
            int made = make_component(parent, name, directory || !last, e);
            if (made < 0)
                return NULL;
            return made ? follow_dangling_link(parent, before, name, end, arena, e) : path;
        }
        at = end + strspn(end, "/");
    }
    return path;
}

int rootfs_make(int root, const char *path, bool directory, struct arena *arena, struct error *e)
{
    char *at = arena_strdup(arena, path);
    /* Each round makes one component or follows one link; more rounds than that are a loop. */
    for (int round = 0; round < PATH_MAX / 2; round++) {
        int fd = rootfs_open(root, at, 0);
        if (fd >= 0)
            return fd;
        if (errno != ENOENT)
            return fail_errno(e, "%s", path);
        if (strlen(at) >= PATH_MAX)
            return fail(e, ENAMETOOLONG, "%s: the name is too long", path);
        at = make_first_missing(root, at, directory, arena, e);
        if (!at)
            return fail_in(e, "%s", path);
    }
    return fail(e, ELOOP, "%s: too many links", path);
}

int rootfs_make_parent(int root, const char *path, const char **name, struct arena *arena,
                       struct error *e)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
        return fail(e, EINVAL, "%s: not a file name", path);
    size_t length = slash ? (size_t)(slash - path) : 0;
    return rootfs_make(root, arena_strndup(arena, path, length), true, arena, e);
}
