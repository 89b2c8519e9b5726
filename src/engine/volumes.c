#include "engine/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/record.h"

static int check_name(const char *name, struct error *e)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    if (length < 2 || length > 200 || strspn(name, allowed) != length || strchr("._-", *name))
        return fail(e, EINVAL,
                    "\"%.200s\" includes invalid characters for a local volume name, only "
                    "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
                    name);
    return 0;
}

static int make_volume(struct engine *engine, const char *name, const json_t *labels,
                       bool anonymous, struct error *e)
{
    char path[300], now[TIME_TEXT_SIZE];
    struct stat st;
    snprintf(path, sizeof(path), "volumes/%s/volume.json", name);
    if (fstatat(engine->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    snprintf(path, sizeof(path), "volumes/%s/_data", name);
    if (make_directories_at(engine->root, path, 0711, e) < 0)
        return -1;
    if (fchmodat(engine->root, path, 0755, 0) < 0)
        return fail_errno(e, "volume %s", name);
    write_time_now(now);
    json_auto_t *record =
        json_pack("{s:s, s:s, s:b}", "Name", name, "CreatedAt", now, "Anonymous", anonymous);
    if (json_is_object(labels))
        json_object_set(record, "Labels", (json_t *)labels);
    snprintf(path, sizeof(path), "volumes/%s/volume.json", name);
    return json_replace_at(engine->root, path, record, e);
}

const char *volume_ensure(struct engine *engine, struct arena *arena, const char *name,
                          bool anonymous, struct error *e)
{
    if (check_name(name, e) < 0 || make_volume(engine, name, NULL, anonymous, e) < 0)
        return NULL;
    return arena_printf(arena, "%s/volumes/%s/_data", engine->data_root, name);
}

bool volume_is_anonymous(struct engine *engine, const char *name)
{
    char path[300];
    struct error ignored = {0};
    snprintf(path, sizeof(path), "volumes/%.200s/volume.json", name);
    json_auto_t *record = json_read_at(engine->root, path, &ignored);
    return json_truth(record, "Anonymous");
}

json_t *engine_volume_inspect(struct engine *engine, const char *name, struct error *e)
{
    char path[300];
    if (check_name(name, e) < 0)
        return NULL;
    snprintf(path, sizeof(path), "volumes/%s/volume.json", name);
    json_auto_t *record = json_read_at(engine->root, path, e);
    if (!record) {
        if (e->code == ENOENT)
            fail(e, ENOENT, "get %s: no such volume", name);
        return NULL;
    }
    AUTO_ARENA struct arena *arena = arena_new();
    json_t *labels = json_object_get(record, "Labels");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{}}", "Name", name, "Driver", "local",
                     "Mountpoint",
                     arena_printf(arena, "%s/volumes/%s/_data", engine->data_root, name),
                     "CreatedAt", json_text(record, "CreatedAt"), "Scope", "local", "Labels",
                     labels ? json_incref(labels) : json_null(), "Options");
}

json_t *engine_volume_create(struct engine *engine, const json_t *body, struct error *e)
{
    char random[ENGINE_ID_SIZE];
    const char *name = json_text(body, "Name"), *driver = json_text(body, "Driver");
    if (*driver && strcmp(driver, "local") != 0) {
        fail(e, ENOENT, "error looking up volume plugin %s: plugin \"%s\" not found", driver,
             driver);
        return NULL;
    }
    bool anonymous = !*name;
    if (anonymous) {
        write_random_id(random);
        name = random;
    }
    if (check_name(name, e) < 0 ||
        make_volume(engine, name, json_object_get(body, "Labels"), anonymous, e) < 0)
        return NULL;
    return engine_volume_inspect(engine, name, e);
}

json_t *engine_volume_list(struct engine *engine, const json_t *filters, struct error *e)
{
    int fd = open_directory_at(engine->root, "volumes", false, e);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return NULL;
    json_t *volumes = json_array();
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct error ignored = {0};
        if (entry->d_name[0] == '.' || !filter_allows(filters, "name", entry->d_name))
            continue;
        json_t *volume = engine_volume_inspect(engine, entry->d_name, &ignored);
        if (volume)
            json_array_append_new(volumes, volume);
    }
    return json_pack("{s:o, s:[]}", "Volumes", volumes, "Warnings");
}

/* Id of a container that shows the volume. */
static bool is_used(struct engine *engine, const char *name, char id[ENGINE_ID_SIZE],
                    struct error *e)
{
    struct engine_list query = {.all = true};
    json_auto_t *containers = engine_container_list(engine, &query, e);
    size_t i, k;
    json_t *summary, *mount;
    json_array_foreach (containers, i, summary) {
        json_array_foreach (json_object_get(summary, "Mounts"), k, mount) {
            if (strcmp(json_text(mount, "Name"), name) != 0)
                continue;
            snprintf(id, ENGINE_ID_SIZE, "%s", json_text(summary, "Id"));
            return true;
        }
    }
    return false;
}

int engine_volume_remove(struct engine *engine, const char *name, bool force, struct error *e)
{
    char path[300], user[ENGINE_ID_SIZE];
    json_auto_t *volume = engine_volume_inspect(engine, name, e);
    if (!volume) {
        if (!force || e->code != ENOENT)
            return -1;
        e->code = 0;
        return 0;
    }
    if (is_used(engine, name, user, e))
        return fail(e, EBUSY, "remove %s: volume is in use - [%s]", name, user);
    snprintf(path, sizeof(path), "volumes/%s", name);
    return discard(engine, path, e);
}
