#include "objects/mount_tree.h"

#include <errno.h>

int mount_tree_fill(struct restore *restore, uint32_t id, struct error *e)
{
    (void)restore;
    return fail(e, ENOSYS, "mountpoints-%u.img: not restored yet", id);
}
