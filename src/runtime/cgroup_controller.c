#include "runtime/cgroup_controller.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"

void cgroup_close_controller(const struct controller *controller)
{
    if (controller->directory >= 0)
        close(controller->directory);
}

int cgroup_open_controller(struct controller *controller, const struct cgroup *cgroup,
                           const char *name, struct error *e)
{
    const struct hierarchy *hierarchy = hierarchies_v1(&cgroup->hierarchies, name);
    if (!hierarchy)
        hierarchy = hierarchies_v2(&cgroup->hierarchies);
    if (!hierarchy)
        return fail(e, ENOTSUP, "cgroup controller %s is not mounted", name);
    controller->name = name;
    controller->v2 = hierarchy->v2;
    controller->directory = hierarchy_open_cgroup(hierarchy, cgroup->path);
    return controller->directory < 0 ? fail_errno(e, "cgroup %s, %s", cgroup->path, name) : 0;
}

bool cgroup_has_file(const struct controller *controller, const char *file)
{
    return faccessat(controller->directory, file, F_OK, 0) == 0;
}

int cgroup_set_text(const struct controller *controller, const char *file, const char *value,
                    struct error *e)
{
    if (write_string_at(controller->directory, file, value, e) == 0)
        return 0;
    if (e->code == ENOENT)
        return fail(e, ENOTSUP, "the kernel has no %s here", file);
    return fail_in(e, "limit");
}

int cgroup_set_number(const struct controller *controller, const char *file, json_int_t value,
                      struct arena *arena, struct error *e)
{
    const char *text =
        controller->v2 && value < 0 ? "max" : arena_printf(arena, "%" JSON_INTEGER_FORMAT, value);
    return cgroup_set_text(controller, file, text, e);
}

json_int_t cgroup_json_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}
