/* docker import: an image of one layer, whose tar is the whole root file system. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "engine/changes.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/import.h"
#include "engine/reference.h"

/* This machine in Go's words, which images use. */
static const char *architecture(struct utsname *name)
{
    if (uname(name) < 0)
        return "unknown";
    if (strcmp(name->machine, "x86_64") == 0)
        return "amd64";
    return strcmp(name->machine, "aarch64") == 0 ? "arm64" : name->machine;
}

static char *describe(const struct import *import, const char *diff_id, struct error *e)
{
    struct utsname machine;
    json_auto_t *config = json_object();
    if (changes_apply(config, import->changes, e) < 0)
        return NULL;
    json_auto_t *image =
        json_pack("{s:s, s:s, s:s, s:O, s:{s:s, s:[s]}, s:[{s:s, s:s}]}", "architecture",
                  architecture(&machine), "os", "linux", "created", import->created, "config",
                  config, "rootfs", "type", "layers", "diff_ids", diff_id, "history", "created",
                  import->created, "comment", import->comment);
    char *text = json_dumps(image, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        fail(e, EINVAL, "the comment or the changes are not valid text");
    return text;
}

int import_layer(struct engine *engine, const struct import *import, int tar,
                 char id[ENGINE_IMAGE_ID_SIZE], struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct layer_draft draft = {0};
    const char *name = NULL;
    if (import->reference && !(name = reference_normal(arena, import->reference, e)))
        return -1;
    AUTO_FREE char *early = describe(import, "", e); /* bad changes need no unpacking */
    if (!early || layer_unpack(engine, tar, NULL, &draft, e) < 0)
        return -1;
    json_auto_t *names = name ? json_pack("[s]", name) : json_array();
    AUTO_FREE char *config = describe(import, draft.diff_id, e);
    struct new_image made = {.config = config,
                             .size = config ? strlen(config) : 0,
                             .drafts = &draft,
                             .draft_count = 1,
                             .names = names};
    int result = config ? image_publish(engine, &made, id, e) : -1;
    layer_draft_drop(engine, &draft);
    return result;
}

int engine_image_import(struct engine *engine, int tar, const char *reference,
                        const json_t *changes, const char *message, char id[ENGINE_IMAGE_ID_SIZE],
                        struct error *e)
{
    char now[TIME_TEXT_SIZE];
    write_time_now(now);
    struct import import = {.reference = reference && *reference ? reference : NULL,
                            .changes = changes,
                            .comment = message && *message ? message : "Imported from -",
                            .created = now};
    return import_layer(engine, &import, tar, id, e) < 0 ? fail_in(e, "import") : 0;
}
