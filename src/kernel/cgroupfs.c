#include "kernel/cgroupfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

void cgroup_places_of(char *text, struct arena *arena, cgroup_places *places)
{
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        else
            end = line + strlen(line);
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path = 0;
        vec_add(arena, places, ((struct cgroup_place){controllers + 1, path + 1}));
    }
}

static bool has_word(const char *list, const char *word, size_t length)
{
    while (*list) {
        size_t next = strcspn(list, ",");
        if (next == length && !memcmp(list, word, length))
            return true;
        list += next + (list[next] == ',');
    }
    return false;
}

static bool is_hierarchy(const struct mountinfo *mount, const char *controllers)
{
    if (!*controllers)
        return !strcmp(mount->type, "cgroup2");
    if (strcmp(mount->type, "cgroup") != 0)
        return false;
    while (*controllers) {
        size_t length = strcspn(controllers, ",");
        if (!has_word(mount->super_options, controllers, length))
            return false;
        controllers += length + (controllers[length] == ',');
    }
    return true;
}

const struct mountinfo *cgroup_find_mount(const mountinfo_list *mounts, const char *controllers,
                                          const char *path)
{
    for (size_t i = 0; i < mounts->count; i++)
        if (is_hierarchy(&mounts->items[i], controllers) &&
            path_is_below(path, mounts->items[i].root))
            return &mounts->items[i];
    return NULL;
}

int cgroup_open(const mountinfo_list *mounts, const char *controllers, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    const struct mountinfo *mount = cgroup_find_mount(mounts, controllers, path);
    if (!mount) {
        errno = ENODEV;
        return -1;
    }
    AUTO_CLOSE int top = open(mount->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -1;
    const char *below = path_below(path, mount->root);
    return (int)syscall(SYS_openat2, top, *below ? below + 1 : ".", &how, sizeof(how));
}
