#include "engine/oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

bool oom_killed(const char *cgroup)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *paths[] = {
        arena_printf(arena, "/sys/fs/cgroup/memory%s/memory.oom_control", cgroup),
        arena_printf(arena, "/sys/fs/cgroup%s/memory.events", cgroup)};
    for (int i = 0; i < 2; i++) {
        struct error ignored = {0};
        char *text = read_file_at(AT_FDCWD, paths[i], arena, NULL, &ignored);
        char *count = text ? strstr(text, "oom_kill ") : NULL;
        if (count)
            return atoi(count + strlen("oom_kill ")) > 0;
    }
    return false;
}
