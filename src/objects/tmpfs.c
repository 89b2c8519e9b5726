#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "objects/filesystem.h"
#include "objects/mount.h"
#include "objects/tar.h"

/* Below this many used pages an archive is small: /dev of a container uses none. */
enum { FEW_PAGES = 256 };

static char *archive_name(struct arena *arena, const struct mount *mount)
{
    return arena_printf(arena, "tmpfs-dev-%u.tar.gz.img", mount->device);
}

static unsigned long number_option(const char *options, const char *key, int base,
                                   unsigned long otherwise)
{
    size_t length = strlen(key);
    for (const char *at = options; *at;) {
        if (!strncmp(at, key, length) && at[length] == '=')
            return strtoul(at + length + 1, NULL, base);
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return otherwise;
}

/* Is there nothing in it that its mount options do not make? */
static bool is_as_new(const struct mount *mount, int directory)
{
    struct stat st;
    AUTO_CLOSEDIR DIR *list = open_list(directory);
    if (!list || fstat(directory, &st) < 0 ||
        (st.st_mode & 07777) != number_option(mount->data, "mode", 8, 01777) ||
        st.st_uid != number_option(mount->data, "uid", 10, 0) ||
        st.st_gid != number_option(mount->data, "gid", 10, 0))
        return false;
    for (struct dirent *entry; (entry = readdir(list));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

/* Containers have many empty ones: one archive serves them all. */
static int save_empty(struct dump *dump, const char *name, struct error *e)
{
    int images = image_set_dir(dump->images);
    if (dump->empty_archive && linkat(images, dump->empty_archive, images, name, 0) == 0) {
        image_set_adopt(dump->images, name);
        return 0;
    }
    AUTO_CLOSE int fd = image_set_create(dump->images, name, e);
    dump->empty_archive = name;
    return fd < 0 ? -1 : tar_write_empty(fd, e);
}

/* Mounts of it on a directory of it that are of that very directory: what is in there is its own.
 */
static const char *const *find_own_mounts(const struct dump *dump, const struct mount *top)
{
    VEC(const char *) paths = {0};
    for (size_t i = 0; i < dump->mounts->count; i++) {
        const struct mount *other = &dump->mounts->mounts[i];
        if (other == top || other->device != top->device ||
            !path_is_below(other->info.point, top->info.point))
            continue;
        const char *path = path_below(other->info.point, top->info.point);
        if (!strcmp(path, other->info.root))
            vec_add(dump->arena, &paths, path);
    }
    vec_add(dump->arena, &paths, NULL);
    return paths.items;
}

int tmpfs_save(struct dump *dump, const struct mount *mount, int directory, struct error *e)
{
    struct statfs usage;
    const char *name = archive_name(dump->arena, mount);
    /* An older image of that name may be the same file as others. */
    unlinkat(image_set_dir(dump->images), name, 0);
    if (is_as_new(mount, directory))
        return save_empty(dump, name, e);
    AUTO_CLOSE int fd =
        openat(image_set_dir(dump->images), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "%s", name);
    struct tar_tree tree = {.directory = directory,
                            .small = fstatfs(directory, &usage) == 0 &&
                                     usage.f_blocks - usage.f_bfree < FEW_PAGES,
                            .own_mounts = find_own_mounts(dump, mount)};
    return tar_write(fd, &tree, e);
}

int tmpfs_fill(struct restore *restore, const struct mount *mount, int directory, struct error *e)
{
    const char *name = archive_name(restore->arena, mount);
    AUTO_CLOSE int fd = openat(restore->images_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_errno(e, "%s", name);
    if (tar_is_empty(fd))
        return 0;
    AUTO_CLOSE int top = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || tar_read(fd, top, restore->arena, e) < 0)
        return top < 0 ? fail_errno(e, "cannot open it") : fail_in(e, "%s", name);
    return 0;
}
