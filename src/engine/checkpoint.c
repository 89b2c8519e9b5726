#include <errno.h>

#include "engine/engine.h"

int engine_checkpoint_create(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *checkpoint, struct error *e)
{
    (void)engine, (void)ref, (void)checkpoint;
    return fail(e, ENOSYS, "not yet");
}
json_t *engine_checkpoint_list(struct engine *engine, const char *ref, const char *directory,
                               struct error *e)
{
    (void)engine, (void)ref, (void)directory;
    fail(e, ENOSYS, "not yet");
    return NULL;
}
int engine_checkpoint_remove(struct engine *engine, const char *ref, const char *name,
                             const char *directory, struct error *e)
{
    (void)engine, (void)ref, (void)name, (void)directory;
    return fail(e, ENOSYS, "not yet");
}
int engine_container_restore(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *checkpoint, struct error *e)
{
    (void)engine, (void)ref, (void)checkpoint;
    return fail(e, ENOSYS, "not yet");
}
