#include "api/tasks.h"

#include <errno.h>
#include <string.h>

static const char *text_of(const json_t *task, const char *key)
{
    return json_string_value(json_object_get(task, key));
}

static bool flag_of(const json_t *task, const char *key)
{
    return json_is_true(json_object_get(task, key));
}

static int start(struct engine *engine, const json_t *task, int *stream, struct error *e)
{
    (void)stream;
    return engine_container_start(engine, text_of(task, "Ref"), e);
}

static int restart(struct engine *engine, const json_t *task, int *stream, struct error *e)
{
    int timeout = (int)json_integer_value(json_object_get(task, "Timeout"));

    (void)stream;
    return engine_container_restart(engine, text_of(task, "Ref"), text_of(task, "Signal"), timeout,
                                    e);
}

static int start_exec_session(struct engine *engine, const json_t *task, int *stream,
                              struct error *e)
{
    return engine_exec_start(engine, text_of(task, "Ref"), flag_of(task, "Detach") ? NULL : stream,
                             e);
}

static struct engine_checkpoint checkpoint_of(const json_t *task)
{
    return (struct engine_checkpoint){.name = text_of(task, "Name"),
                                      .directory = text_of(task, "Directory"),
                                      .image_dir = text_of(task, "ImageDir"),
                                      .work_dir = text_of(task, "WorkDir"),
                                      .leave_running = flag_of(task, "LeaveRunning"),
                                      .ignore_rootfs = flag_of(task, "IgnoreRootfs"),
                                      .force = flag_of(task, "Force")};
}

json_t *checkpoint_task(const char *task, const char *ref,
                        const struct engine_checkpoint *checkpoint)
{
    return json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:b, s:b, s:b}", "Task", task, "Ref",
                     ref, "Starts", !strcmp(task, "restore"), "Name", checkpoint->name, "Directory",
                     checkpoint->directory, "ImageDir", checkpoint->image_dir, "WorkDir",
                     checkpoint->work_dir, "LeaveRunning", checkpoint->leave_running,
                     "IgnoreRootfs", checkpoint->ignore_rootfs, "Force", checkpoint->force);
}

static int checkpoint(struct engine *engine, const json_t *task, int *stream, struct error *e)
{
    struct engine_checkpoint wanted = checkpoint_of(task);

    (void)stream;
    return engine_checkpoint_create(engine, text_of(task, "Ref"), &wanted, e);
}

static int restore(struct engine *engine, const json_t *task, int *stream, struct error *e)
{
    struct engine_checkpoint wanted = checkpoint_of(task);

    (void)stream;
    return engine_container_restore(engine, text_of(task, "Ref"), &wanted, e);
}

static const struct {
    const char *name;
    int (*perform)(struct engine *engine, const json_t *task, int *stream, struct error *e);
} tasks[] = {{"start", start},
             {"restart", restart},
             {"exec", start_exec_session},
             {"checkpoint", checkpoint},
             {"restore", restore}};

int perform_here(struct engine *engine, const json_t *task, int *stream, struct error *e)
{
    const char *name = text_of(task, "Task");

    for (size_t i = 0; name && i < sizeof(tasks) / sizeof(*tasks); i++)
        if (!strcmp(name, tasks[i].name))
            return tasks[i].perform(engine, task, stream, e);
    return fail(e, EINVAL, "task is not text that can be sent");
}
