#include "objects/filesystem.h"
#include "objects/mount.h"

int tmpfs_save(struct dump *dump, const struct mount *mount, int directory, struct error *e)
{
    (void)dump;
    (void)mount;
    (void)directory;
    (void)e;
    return 0;
}

int tmpfs_fill(struct restore *restore, const struct mount *mount, int directory, struct error *e)
{
    (void)restore;
    (void)mount;
    (void)directory;
    (void)e;
    return 0;
}
