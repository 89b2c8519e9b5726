#include "objects/mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "objects/filesystem.h"

const struct mount *mount_by_id(const struct mount_table *table, int id)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->mounts[i].info.id == id)
            return &table->mounts[i];
    return NULL;
}

/* The child that a walk along `path` meets first after it entered `mount`. */
static const struct mount *next_on_path(const struct mount_table *table, const struct mount *mount,
                                        const char *path)
{
    const struct mount *next = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct mount *child = &table->mounts[i];
        if (child->parent == mount && path_is_below(path, child->info.point) &&
            (!next || strlen(child->info.point) < strlen(next->info.point)))
            next = child;
    }
    return next;
}

const struct mount *mount_of_path(const struct mount_table *table, const char *path)
{
    const struct mount *mount = &table->mounts[0], *next;
    while ((next = next_on_path(table, mount, path)))
        mount = next;
    return mount;
}

int mount_image_id(const struct dump *dump, int mount_id, const char *link, int *image_id,
                   struct error *e)
{
    *image_id = -1;
    if (!dump->mounts)
        return 0;
    const struct mount *mount = mount_by_id(dump->mounts, mount_id);
    if (!mount)
        return fail(e, ENOTSUP, "%s: its mount is not in the tree's mount namespace", link);
    if (mount_of_path(dump->mounts, link) != mount)
        return fail(e, ENOTSUP, "%s: another mount covers it", link);
    *image_id = mount_id;
    return 0;
}

uint32_t mount_device(const struct dump *dump, int mount_id, dev_t st_dev)
{
    const struct mount *mount = dump->mounts ? mount_by_id(dump->mounts, mount_id) : NULL;
    return mount ? mount->device : major(st_dev) << 20 | minor(st_dev);
}

/* ---- a list becomes a tree ---- */

/* parents[i] is the position of mount i's parent, -1 for the one root. */
static int find_parents(const struct mount_table *table, int *parents, struct error *e)
{
    int roots = 0;
    for (size_t i = 0; i < table->count; i++) {
        parents[i] = -1;
        for (size_t j = 0; j < table->count && parents[i] < 0; j++)
            if (table->mounts[j].info.id == table->mounts[i].info.parent && i != j)
                parents[i] = (int)j;
        if (parents[i] < 0 && (roots++ || strcmp(table->mounts[i].info.point, "/") != 0))
            return fail(e, EINVAL, MOUNT_FORMAT ": no way leads to it from the root",
                        MOUNT_NAME(&table->mounts[i]));
    }
    return 0;
}

/* How many mounts stand above one; `count` for one that is above itself. */
static size_t depth_of(const int *parents, size_t count, size_t i)
{
    size_t depth = 0;
    for (int at = parents[i]; at >= 0 && depth < count; at = parents[at])
        depth++;
    return depth;
}

static int sort_parents_first(struct mount_table *table, struct arena *arena, struct error *e)
{
    int *parents = arena_alloc(arena, table->count * sizeof(*parents));
    size_t *depths = arena_alloc(arena, table->count * sizeof(*depths));
    struct mount *sorted = arena_alloc(arena, table->count * sizeof(*sorted));
    if (find_parents(table, parents, e) < 0)
        return -1;
    for (size_t i = 0; i < table->count; i++)
        depths[i] = depth_of(parents, table->count, i);
    size_t done = 0;
    for (size_t depth = 0; depth < table->count && done < table->count; depth++)
        for (size_t i = 0; i < table->count; i++)
            if (depths[i] == depth)
                sorted[done++] = table->mounts[i];
    if (done < table->count || done == 0)
        return fail(e, EINVAL, "mounts are no tree");
    table->mounts = sorted;
    return 0;
}

static struct mount *find_parent(const struct mount_table *table, const struct mount *mount)
{
    for (struct mount *other = table->mounts; other < mount; other++)
        if (other->info.id == mount->info.parent)
            return other;
    return NULL;
}

/* ---- where file systems come from ---- */

const struct mountinfo *mount_find_outside(const mountinfo_list *outside, const struct mount *mount)
{
    for (size_t i = 0; i < outside->count; i++) {
        const struct mountinfo *other = &outside->items[i];
        if ((other->major << 20 | other->minor) == mount->device &&
            path_is_below(mount->info.root, other->root))
            return other;
    }
    return NULL;
}

bool mount_table_shares_root(const struct mount_table *table, const mountinfo_list *own)
{
    const struct mount *theirs = NULL;
    const struct mountinfo *ours = NULL;
    for (size_t i = 0; i < table->count; i++)
        if (!strcmp(table->mounts[i].info.point, "/"))
            theirs = &table->mounts[i];
    for (size_t i = 0; i < own->count; i++)
        if (!strcmp(own->items[i].point, "/"))
            ours = &own->items[i];
    return theirs && ours && (ours->major << 20 | ours->minor) == theirs->device &&
           !strcmp(ours->root, theirs->info.root);
}

static bool shows_same_file_system(const struct mount *a, const struct mount *b)
{
    return a != b && a->device == b->device && path_is_below(b->info.root, a->info.root);
}

/* Of mounts that show one directory, the first brings the file system and the others are binds. */
static struct mount *find_origin(const struct mount_table *table, const struct mount *mount)
{
    struct mount *origin = NULL;
    for (struct mount *other = table->mounts; other < table->mounts + table->count; other++) {
        if (!shows_same_file_system(other, mount) ||
            (other > mount && !strcmp(other->info.root, mount->info.root)))
            continue;
        if (!origin || strlen(other->info.root) < strlen(origin->info.root))
            origin = other;
    }
    return origin;
}

static bool is_renewable(const struct mount *mount)
{
    return mount->kind && mount->kind->renewable && !strcmp(mount->info.root, "/");
}

/* What has a name outside is taken from there, unless it shows a file system that the tree itself
 * brings (as the null device of /dev does that hides files of /proc). */
static enum mount_source find_source(const struct mount_table *table, const struct mount *mount,
                                     const mountinfo_list *outside)
{
    const struct mount *origin = mount->origin;
    bool origin_is_new = origin && origin != table->mounts && !origin->external &&
                         !mount_find_outside(outside, origin);
    if (mount == table->mounts)
        return MOUNT_ROOT;
    if (mount->external && !origin_is_new)
        return MOUNT_EXTERNAL;
    if (origin)
        return MOUNT_BIND;
    return mount_find_outside(outside, mount) ? MOUNT_OUTSIDE : MOUNT_NEW;
}

int mount_table_arrange(struct mount_table *table, const mountinfo_list *outside,
                        struct arena *arena, struct error *e)
{
    if (sort_parents_first(table, arena, e) < 0)
        return -1;
    for (size_t i = 0; i < table->count; i++) {
        struct mount *mount = &table->mounts[i];
        mount->parent = i ? find_parent(table, mount) : NULL;
        mount->origin = i ? find_origin(table, mount) : NULL;
        mount->source = find_source(table, mount, outside);
        if (mount->source == MOUNT_NEW && !is_renewable(mount))
            return fail(e, ENOTSUP, MOUNT_FORMAT ": not supported", MOUNT_NAME(mount));
    }
    return 0;
}
