/* Files that the caller of a restore brings along. */
#include <string.h>

#include "objects/object.h"

int inherited_fd(const struct restore *restore, const char *key)
{
    for (size_t i = 0; i < restore->options->inherited_fds_count; i++)
        if (!strcmp(restore->options->inherited_fds[i].key, key))
            return restore->options->inherited_fds[i].fd;
    return -1;
}
