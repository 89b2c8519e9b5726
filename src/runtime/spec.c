#include "runtime/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "runtime/json_cut.h"

json_t *spec_parse(const char *text, const char *what, struct error *e)
{
    json_error_t why;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        fail(e, EINVAL, "%s: line %d: %s", what, why.line, why.text);
    return json;
}

int spec_read_strings(struct strings *strings, json_t *json, struct arena *arena, const char *what,
                      struct error *e)
{
    if (json && !json_is_array(json))
        return fail(e, EINVAL, "%s is not an array", what);
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (json, i, item) {
        if (!json_is_string(item))
            return fail(e, EINVAL, "%s[%zu] is not a string", what, i);
        vec_add(arena, strings, json_string_value(item));
    }
    return 0;
}

bool spec_has_own(const struct spec *spec, uint64_t flag)
{
    for (size_t i = 0; i < spec->joined_count; i++)
        if (spec->joined[i].flag == flag)
            return true;
    return spec->new_namespaces & flag;
}

static int read_mount(struct mount_spec *mount, json_t *json, struct arena *arena, struct error *e)
{
    json_error_t why;
    json_t *options = NULL;
    if (json_unpack_ex(json, &why, 0, "{s:s, s?s, s?s, s?o}", "destination", &mount->destination,
                       "type", &mount->type, "source", &mount->source, "options", &options) < 0)
        return fail(e, EINVAL, "mounts: %s", why.text);
    const char *destination = mount->destination;
    if (destination[0] != '/' || !destination[strspn(destination, "/")])
        return fail(e, EINVAL, "mount destination '%s' is not below /", destination);
    if (!mount->type)
        mount->type = "none";
    if (!mount->source)
        mount->source = mount->type;
    return spec_read_strings(&mount->options, options, arena, "mount options", e);
}

static int read_mounts(struct spec *spec, json_t *json, struct arena *arena, struct error *e)
{
    spec->mounts_count = json_array_size(json);
    spec->mounts = arena_alloc(arena, spec->mounts_count * sizeof(*spec->mounts));
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (read_mount(&spec->mounts[i], json_array_get(json, i), arena, e) < 0)
            return -1;
    return 0;
}

static int read_device(struct device_spec *device, json_t *json, struct error *e)
{
    json_error_t why;
    const char *type = "";
    int major = 0, minor = 0, mode = 0666, uid = 0, gid = 0;
    if (json_unpack_ex(json, &why, 0, "{s:s, s:s, s?i, s?i, s?i, s?i, s?i}", "path", &device->path,
                       "type", &type, "major", &major, "minor", &minor, "fileMode", &mode, "uid",
                       &uid, "gid", &gid) < 0)
        return fail(e, EINVAL, "linux.devices: %s", why.text);
    if (device->path[0] != '/')
        return fail(e, EINVAL, "device path %s is not absolute", device->path);
    mode_t kind = !strcmp(type, "b")                         ? S_IFBLK
                  : !strcmp(type, "c") || !strcmp(type, "u") ? S_IFCHR
                  : !strcmp(type, "p")                       ? S_IFIFO
                                                             : 0;
    if (!kind)
        return fail(e, EINVAL, "device %s: unknown type %s", device->path, type);
    device->mode = kind | ((mode_t)mode & 07777);
    device->number = makedev((unsigned)major, (unsigned)minor);
    device->uid = (uid_t)uid;
    device->gid = (gid_t)gid;
    return 0;
}

static int read_devices(struct spec *spec, json_t *json, struct arena *arena, struct error *e)
{
    spec->devices_count = json_array_size(json);
    spec->devices = arena_alloc(arena, spec->devices_count * sizeof(*spec->devices));
    for (size_t i = 0; i < spec->devices_count; i++)
        if (read_device(&spec->devices[i], json_array_get(json, i), e) < 0)
            return -1;
    return 0;
}

static uint64_t namespace_flag(const char *type)
{
    static const struct {
        const char *type;
        uint64_t flag;
    } known[] = {
        {"pid", CLONE_NEWPID}, {"mount", CLONE_NEWNS},      {"uts", CLONE_NEWUTS},
        {"ipc", CLONE_NEWIPC}, {"cgroup", CLONE_NEWCGROUP}, {"network", CLONE_NEWNET},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].type, type))
            return known[i].flag;
    return 0;
}

static int read_namespaces(struct spec *spec, json_t *json, struct arena *arena, struct error *e)
{
    size_t i = 0;
    json_t *item = NULL;
    spec->joined = arena_alloc(arena, json_array_size(json) * sizeof(*spec->joined));
    json_array_foreach (json, i, item) {
        json_error_t why;
        const char *type = NULL, *path = NULL;
        if (json_unpack_ex(item, &why, 0, "{s:s, s?s}", "type", &type, "path", &path) < 0)
            return fail(e, EINVAL, "linux.namespaces: %s", why.text);
        uint64_t flag = namespace_flag(type);
        if (!flag)
            return fail(e, ENOTSUP, "namespace type %s is not supported", type);
        if (spec_has_own(spec, flag))
            return fail(e, EINVAL, "namespace type %s is given twice", type);
        if (path && *path)
            spec->joined[spec->joined_count++] = (struct namespace_path){flag, path};
        else
            spec->new_namespaces |= flag;
    }
    if (!(spec->new_namespaces & CLONE_NEWNS))
        return fail(e, ENOTSUP, "a container without a new mount namespace is not supported");
    return 0;
}

static int read_propagation(struct spec *spec, const char *name, struct error *e)
{
    static const struct {
        const char *name;
        unsigned long flags;
    } known[] = {
        {"", MS_PRIVATE | MS_REC},         {"private", MS_PRIVATE},
        {"rprivate", MS_PRIVATE | MS_REC}, {"slave", MS_SLAVE},
        {"rslave", MS_SLAVE | MS_REC},     {"shared", MS_SHARED},
        {"rshared", MS_SHARED | MS_REC},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name)) {
            spec->rootfs_propagation = known[i].flags;
            return 0;
        }
    return fail(e, EINVAL, "linux.rootfsPropagation: unknown value %s", name);
}

static int read_linux(struct spec *spec, json_t *json, struct arena *arena, struct error *e)
{
    json_error_t why;
    json_t *seccomp = NULL, *namespaces = NULL, *devices = NULL, *masked = NULL, *readonly = NULL;
    const char *propagation = "";
    if (json_unpack_ex(json, &why, 0, "{s:o, s?s, s?o, s?o, s?o, s?o, s?o, s?o, s?s}", "namespaces",
                       &namespaces, "cgroupsPath", &spec->cgroups_path, "resources",
                       &spec->resources, "sysctl", &spec->sysctl, "seccomp", &seccomp, "devices",
                       &devices, "maskedPaths", &masked, "readonlyPaths", &readonly,
                       "rootfsPropagation", &propagation) < 0)
        return fail(e, EINVAL, "linux: %s", why.text);
    if (spec->cgroups_path)
        spec->cgroups_path = arena_strdup(arena, spec->cgroups_path); /* outlives the document */
    if (!spec->seccomp && seccomp && !json_is_null(seccomp)) {
        AUTO_FREE char *text = json_dumps(seccomp, JSON_ENCODE_ANY | JSON_COMPACT);
        spec->seccomp = arena_strdup(arena, text ? text : "");
    }
    if (read_namespaces(spec, namespaces, arena, e) < 0 ||
        read_devices(spec, devices, arena, e) < 0 || read_propagation(spec, propagation, e) < 0 ||
        spec_read_strings(&spec->masked_paths, masked, arena, "linux.maskedPaths", e) < 0)
        return -1;
    return spec_read_strings(&spec->readonly_paths, readonly, arena, "linux.readonlyPaths", e);
}

/* What would change the container and is not done here is refused, not passed over. */
static int refuse_unsupported(json_t *document, struct error *e)
{
    json_t *linux_part = json_object_get(document, "linux");
    static const char *const parts[] = {"uidMappings", "gidMappings", "timeOffsets", "intelRdt"};
    if (json_object_size(json_object_get(document, "hooks")))
        return fail(e, ENOTSUP, "hooks are not supported");
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        json_t *part = json_object_get(linux_part, parts[i]);
        if (json_array_size(part) || json_object_size(part))
            return fail(e, ENOTSUP, "linux.%s is not supported", parts[i]);
    }
    return 0;
}

static int read_document(struct spec *spec, const char *bundle, struct arena *arena,
                         struct error *e)
{
    json_error_t why;
    json_t *process = NULL, *mounts = NULL, *linux_part = NULL;
    const char *rootfs = NULL;
    int readonly = 0;
    if (json_unpack_ex(spec->document, &why, 0, "{s:o, s:{s:s, s?b}, s?s, s?s, s?o, s:o}",
                       "process", &process, "root", "path", &rootfs, "readonly", &readonly,
                       "hostname", &spec->hostname, "domainname", &spec->domainname, "mounts",
                       &mounts, "linux", &linux_part) < 0)
        return fail(e, EINVAL, "%s", why.text);
    spec->rootfs = rootfs[0] == '/' ? rootfs : arena_printf(arena, "%s/%s", bundle, rootfs);
    spec->rootfs_readonly = readonly;
    if (refuse_unsupported(spec->document, e) < 0 ||
        spec_read_process(&spec->process, process, arena, e) < 0 ||
        read_mounts(spec, mounts, arena, e) < 0)
        return -1;
    return read_linux(spec, linux_part, arena, e);
}

int spec_open(struct spec *spec, const char *bundle, struct arena *arena, struct error *e)
{
    *spec = (struct spec){0};
    AUTO_CLOSE int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fail_errno(e, "bundle %s", bundle);
    char *text = read_file_at(dir, "config.json", arena, NULL, e);
    if (text)
        spec->seccomp = json_cut(text, "linux", "seccomp", arena);
    if (spec->seccomp && !strcmp(spec->seccomp, "null"))
        spec->seccomp = NULL;
    spec->document = text ? spec_parse(text, "config.json", e) : NULL;
    if (!spec->document)
        return fail_in(e, "bundle %s", bundle);
    if (read_document(spec, bundle, arena, e) < 0)
        return fail_in(e, "bundle %s: config.json", bundle);
    return 0;
}

void spec_close(struct spec *spec)
{
    json_decref(spec->document);
    spec->document = NULL;
}
