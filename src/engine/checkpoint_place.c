#include "engine/checkpoint_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/checkpoint_files.h"

static int check_name(const char *name, struct error *e)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    if (!length || length > 200 || strspn(name, allowed) != length || strchr("._-", *name))
        return fail(e, EINVAL,
                    "Invalid checkpoint ID (%.200s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                    name);
    return 0;
}

static int open_parent(struct checkpoint_place *place, const char *path, bool make, struct error *e)
{
    if (make && make_directories_at(AT_FDCWD, path, 0700, e) < 0)
        return -1;
    place->parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->parent < 0 ? fail_errno(e, "checkpoint directory %s", path) : 0;
}

/* --image-dir names the checkpoint's own directory: it is split into parent and name. Where it
 * exists, links are resolved first, so that the rename meets the directory itself. */
static int open_image_dir(struct checkpoint_place *place, const char *image_dir, bool make,
                          struct error *e)
{
    char resolved[PATH_MAX];
    AUTO_ARENA struct arena *arena = arena_new();
    if (*image_dir != '/')
        return fail(e, EINVAL, "checkpoint directory must be an absolute path: %.200s", image_dir);
    char *path = arena_strdup(arena, realpath(image_dir, resolved) ? resolved : image_dir);
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = 0;
    char *slash = strrchr(path, '/');
    if (!slash[1] || strlen(slash + 1) >= sizeof(place->name) || strcmp(slash + 1, "..") == 0 ||
        strcmp(slash + 1, ".") == 0)
        return fail(e, EINVAL, "checkpoint directory %.200s: not a usable name", image_dir);
    snprintf(place->name, sizeof(place->name), "%s", slash + 1);
    *slash = 0;
    place->replaces = true;
    return open_parent(place, *path ? path : "/", make, e);
}

static int open_named(struct checkpoint_place *place, const struct container *container,
                      const struct engine_checkpoint *request, bool make, struct error *e)
{
    const char *name = request->name && *request->name ? request->name : CHECKPOINT_DEFAULT_NAME;
    place->replaces = !request->name || !*request->name;
    if (check_name(name, e) < 0)
        return -1;
    snprintf(place->name, sizeof(place->name), "%s", name);
    if (request->directory) {
        if (*request->directory != '/')
            return fail(e, EINVAL, "checkpoint directory must be an absolute path: %.200s",
                        request->directory);
        return open_parent(place, request->directory, make, e);
    }
    place->parent = open_directory_at(container->dir, "checkpoints", make, e);
    return place->parent < 0 ? -1 : 0;
}

int checkpoint_place_open(struct checkpoint_place *place, const struct container *container,
                          const struct engine_checkpoint *request, bool make, struct error *e)
{
    *place = (struct checkpoint_place){.parent = -1};
    bool image_dir = request->image_dir && *request->image_dir;
    int result = image_dir ? open_image_dir(place, request->image_dir, make, e)
                           : open_named(place, container, request, make, e);
    const char *above = image_dir ? "" : request->directory ? request->directory : "";
    snprintf(place->path, sizeof(place->path), "%.3800s%s%s",
             image_dir ? request->image_dir : above, *above ? "/" : "",
             image_dir ? "" : place->name);
    if (result < 0 && e->code == ENOENT)
        fail(e, ENOENT, "checkpoint %s does not exist for container %s", place->path,
             container_name(container));
    return result;
}

void checkpoint_place_close(struct checkpoint_place *place)
{
    if (place->parent >= 0)
        close(place->parent);
    place->parent = -1;
}

static bool is_empty_directory(int parent, const char *name)
{
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 && mkdirat(parent, name, 0700) == 0;
}

int checkpoint_place_check_free(const struct checkpoint_place *place,
                                const struct container *container, struct error *e)
{
    char path[300];
    struct stat st;
    if (fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fail_errno(e, "checkpoint %s", place->path);
    snprintf(path, sizeof(path), "%s/" CHECKPOINT_ABOUT, place->name);
    bool is_checkpoint = fstatat(place->parent, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_checkpoint && !place->replaces)
        return fail(e, EEXIST, "checkpoint with name %s already exists for container %s",
                    place->name, container_name(container));
    if (!is_checkpoint && !is_empty_directory(place->parent, place->name))
        return fail(e, EBUSY, "checkpoint directory %s holds something else", place->path);
    return 0;
}

/* One name per container: a second attempt finds and removes what the first left. */
static void name_beside(const struct checkpoint_place *place, const struct container *container,
                        char beside[300])
{
    snprintf(beside, 300, ".%.200s.%.12s.tmp", place->name, container->id);
}

int checkpoint_begin(const struct checkpoint_place *place, const struct container *container,
                     struct error *e)
{
    char beside[300];
    name_beside(place, container, beside);
    if (remove_tree_at(place->parent, beside, e) < 0)
        return fail_in(e, "checkpoint %s", place->path);
    if (mkdirat(place->parent, beside, 0700) < 0)
        return fail_errno(e, "checkpoint %s", place->path);
    return open_directory_at(place->parent, beside, false, e);
}

void checkpoint_abandon(const struct checkpoint_place *place, const struct container *container)
{
    char beside[300];
    struct error ignored = {0};
    name_beside(place, container, beside);
    remove_tree_at(place->parent, beside, &ignored);
}

int checkpoint_reserve(int dir, struct error *e)
{
    AUTO_CLOSE int fd =
        openat(dir, CHECKPOINT_ABOUT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, CHECKPOINT_ABOUT);
    if (fallocate(fd, 0, 0, CHECKPOINT_ABOUT_ROOM) < 0 && errno != EOPNOTSUPP)
        return fail_errno(e, CHECKPOINT_ABOUT);
    return 0;
}

/* Out of the way of a next attempt, to be removed when nobody waits; on another file system than
 * the data root's it is removed at once. */
static int put_aside(const struct checkpoint_place *place, const struct engine *engine,
                     const char *beside, char replaced[80], struct error *e)
{
    char id[ENGINE_ID_SIZE];
    write_random_id(id);
    snprintf(replaced, 80, "trash/%s", id);
    if (renameat(place->parent, beside, engine->root, replaced) == 0)
        return 0;
    *replaced = 0;
    return remove_tree_at(place->parent, beside, e);
}

/* An older checkpoint changes places with the new one. */
static int move_into_place(const struct checkpoint_place *place, const struct engine *engine,
                           const char *beside, char replaced[80], struct error *e)
{
    *replaced = 0;
    if (renameat2(place->parent, beside, place->parent, place->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST &&
        renameat2(place->parent, beside, place->parent, place->name, RENAME_EXCHANGE) == 0)
        return put_aside(place, engine, beside, replaced, e);
    return fail_errno(e, "checkpoint %s", place->path);
}

int checkpoint_publish(const struct checkpoint_place *place, const struct container *container,
                       int dir, json_t *about, char replaced[80], struct error *e)
{
    char beside[300];
    name_beside(place, container, beside);
    if (checkpoint_files_note(dir, about, e) < 0 ||
        move_into_place(place, container->engine, beside, replaced, e) < 0)
        return fail_in(e, "checkpoint %s", place->path);
    return 0;
}

int checkpoint_open(const struct checkpoint_place *place, json_t **about, struct error *e)
{
    struct stat st;
    AUTO_CLOSE int dir =
        openat(place->parent, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0 && errno == ENOENT)
        return fail(e, ENOENT, "checkpoint %s does not exist", place->path);
    if (dir < 0)
        return fail_errno(e, "checkpoint %s", place->path);
    json_auto_t *read = json_read_at(dir, CHECKPOINT_ABOUT, e);
    if (!read && e->code == ENOENT)
        return fail(e, EINVAL, "checkpoint %s: %s", place->path,
                    fstatat(dir, "inventory.img", &st, 0) == 0
                        ? "these images were not made by this engine (no " CHECKPOINT_ABOUT ")"
                        : "there is no checkpoint in this directory");
    if (!read)
        return fail(e, EINVAL, "checkpoint %s: damaged: %s", place->path,
                    strstr(e->text, CHECKPOINT_ABOUT) ? strstr(e->text, CHECKPOINT_ABOUT)
                                                      : e->text);
    if (checkpoint_files_verify(dir, read, e) < 0)
        return fail_in(e, "checkpoint %s", place->path);
    *about = json_incref(read);
    return take_fd(&dir);
}
