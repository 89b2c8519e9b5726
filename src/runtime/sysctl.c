#include "runtime/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

/* The namespace a parameter belongs to, or 0 if it is the whole machine's. */
static uint64_t namespace_of(const char *name)
{
    static const struct {
        const char *prefix;
        uint64_t flag;
    } owned[] = {
        {"net.", CLONE_NEWNET},
        {"fs.mqueue.", CLONE_NEWIPC},
        {"kernel.msgmax", CLONE_NEWIPC},
        {"kernel.msgmnb", CLONE_NEWIPC},
        {"kernel.msgmni", CLONE_NEWIPC},
        {"kernel.sem", CLONE_NEWIPC},
        {"kernel.shmall", CLONE_NEWIPC},
        {"kernel.shmmax", CLONE_NEWIPC},
        {"kernel.shmmni", CLONE_NEWIPC},
        {"kernel.shm_rmid_forced", CLONE_NEWIPC},
        {"kernel.domainname", CLONE_NEWUTS},
    };
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        bool group = ends_with(owned[i].prefix, ".");
        if (group ? starts_with(name, owned[i].prefix) : !strcmp(name, owned[i].prefix))
            return owned[i].flag;
    }
    return 0;
}

static int apply_one(const struct spec *spec, const char *name, const char *value, struct error *e)
{
    char path[256];
    int length = snprintf(path, sizeof(path), "%s", name);
    uint64_t owner = namespace_of(name);
    if (!owner || length < 0 || (size_t)length >= sizeof(path))
        return fail(e, EINVAL, "it does not belong to a namespace");
    if (!spec_has_own(spec, owner))
        return fail(e, EINVAL, "its namespace is the host's");
    for (char *at = path; *at; at++)
        *at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
    if (!path_is_plain(path))
        return fail(e, EINVAL, "it is not a name");
    AUTO_CLOSE int top = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return fail_errno(e, "/proc/sys");
    return write_string_at(top, path, value, e);
}

int sysctl_apply(const struct spec *spec, struct error *e)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (spec->sysctl, name, value) {
        if (!json_is_string(value))
            return fail(e, EINVAL, "sysctl %s: its value is not a string", name);
        if (apply_one(spec, name, json_string_value(value), e) < 0)
            return fail_in(e, "sysctl %s", name);
    }
    return 0;
}
