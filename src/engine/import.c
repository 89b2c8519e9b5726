#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/changes.h"
#include "engine/engine.h"
#include "engine/image.h"

int engine_image_import(struct engine *engine, int tar, const char *reference,
                        const json_t *changes, const char *message, char id[ENGINE_IMAGE_ID_SIZE],
                        struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char diff_id[DIGEST_SIZE], now[TIME_TEXT_SIZE];
    const char *name = NULL;
    if (reference && *reference && !(name = image_normal_name(arena, reference, e)))
        return -1;
    json_auto_t *config = json_object();
    if (changes_apply(config, changes, e) < 0 || layer_add(engine, tar, NULL, diff_id, e) < 0)
        return fail_in(e, "import");
    write_time_now(now);
    json_auto_t *image = json_pack(
        "{s:s, s:s, s:s, s:O, s:{s:s, s:[s]}, s:[{s:s, s:s}]}", "architecture", "amd64", "os",
        "linux", "created", now, "config", config, "rootfs", "type", "layers", "diff_ids", diff_id,
        "history", "created", now, "comment", message && *message ? message : "Imported from -");
    AUTO_FREE char *text = json_dumps(image, JSON_COMPACT);
    if (!text)
        return fail(e, EINVAL, "import: the changes are not valid text");
    return image_store(engine, text, strlen(text), name, id, e);
}
