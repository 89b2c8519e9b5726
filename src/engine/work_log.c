#include "engine/work_log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

int work_log_open(const struct container *container, const char *work_dir, const char *name,
                  struct error *e)
{
    AUTO_CLOSE int dir = -1;
    bool given = work_dir && *work_dir;
    if (given) {
        if (make_directories_at(AT_FDCWD, work_dir, 0700, e) < 0)
            return -1;
        dir = open(work_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
            return fail_errno(e, "work directory %s", work_dir);
    }
    int fd = openat(given ? dir : container->dir, name,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? fail_errno(e, "%s", name) : fd;
}
