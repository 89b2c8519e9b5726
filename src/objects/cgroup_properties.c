#include "objects/cgroup_properties.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

/* In the order in which they can be written: a limit of memory before that of memory and swap. */
struct property {
    const char *controller; /* "2": the v2 tree */
    const char *name;
};

static const struct property properties[] = {
    {"cpu", "cpu.shares"},
    {"cpu", "cpu.cfs_period_us"},
    {"cpu", "cpu.cfs_quota_us"},
    {"cpuset", "cpuset.cpus"},
    {"cpuset", "cpuset.mems"},
    {"memory", "memory.limit_in_bytes"},
    {"memory", "memory.memsw.limit_in_bytes"},
    {"memory", "memory.soft_limit_in_bytes"},
    {"memory", "memory.swappiness"},
    {"memory", "memory.oom_control"},
    {"blkio", "blkio.weight"},
    {"devices", "devices.list"},
    {"pids", "pids.max"},
    {"net_cls", "net_cls.classid"},
    {"2", "cgroup.subtree_control"},
    {"2", "cgroup.max.descendants"},
    {"2", "cgroup.max.depth"},
    {"2", "cpu.weight"},
    {"2", "cpu.max"},
    {"2", "cpuset.cpus"},
    {"2", "cpuset.mems"},
    {"2", "io.weight"},
    {"2", "io.max"},
    {"2", "memory.min"},
    {"2", "memory.low"},
    {"2", "memory.high"},
    {"2", "memory.max"},
    {"2", "memory.swap.max"},
    {"2", "memory.oom.group"},
    {"2", "pids.max"},
};
enum { PROPERTIES = sizeof(properties) / sizeof(properties[0]), LONGEST_VALUE = 65536 };

static bool belongs_to(const struct property *property, const char *controllers)
{
    const char *name = property->controller;
    if (!*controllers)
        return !strcmp(name, "2");
    for (const char *at = controllers; *at;) {
        size_t length = strcspn(at, ",");
        if (length == strlen(name) && !memcmp(at, name, length))
            return true;
        at += length + (at[length] == ',');
    }
    return false;
}

/* "oom_kill_disable 1\nunder_oom 0": only the first number can be written. */
static void keep_what_can_be_written(const char *name, char *value)
{
    size_t length = strlen(value);
    while (length && value[length - 1] == '\n')
        value[--length] = 0;
    if (!strcmp(name, "memory.oom_control") && starts_with(value, "oom_kill_disable ")) {
        value[0] = value[17];
        value[1] = 0;
    }
}

/* The value in the arena; NULL where the kernel has no such file, or does not let it be read. A
 * container has dozens of them: most fit one read(2). */
static char *read_property(struct arena *arena, int directory, const char *name)
{
    struct error ignored;
    char text[512], *value = NULL;
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (got >= 0 && (size_t)got < sizeof(text))
        value = arena_strndup(arena, text, (size_t)got);
    else if (got > 0)
        value = read_file_at(directory, name, arena, NULL, &ignored);
    if (value)
        keep_what_can_be_written(name, value);
    return value;
}

int cgroup_properties_read(struct arena *arena, int directory, const char *controllers,
                           CgroupDirEntry *entry, struct error *e)
{
    struct stat st;
    if (fstat(directory, &st) < 0)
        return fail_errno(e, "cannot ask for its owner");
    entry->dir_perms = arena_alloc(arena, sizeof(*entry->dir_perms));
    cgroup_perms__init(entry->dir_perms);
    entry->dir_perms->mode = st.st_mode;
    entry->dir_perms->uid = st.st_uid;
    entry->dir_perms->gid = st.st_gid;
    entry->properties = arena_alloc(arena, PROPERTIES * sizeof(*entry->properties));
    for (int i = 0; i < PROPERTIES; i++) {
        char *value = belongs_to(&properties[i], controllers)
                          ? read_property(arena, directory, properties[i].name)
                          : NULL;
        if (!value || !*value)
            continue;
        CgroupPropEntry *property = arena_alloc(arena, sizeof(*property));
        cgroup_prop_entry__init(property);
        property->name = (char *)properties[i].name;
        property->value = value;
        entry->properties[entry->n_properties++] = property;
    }
    return 0;
}

/* ---- restore ---- */

static bool is_kept(const char *name)
{
    for (int i = 0; i < PROPERTIES; i++)
        if (!strcmp(properties[i].name, name))
            return true;
    return false;
}

static int write_lines(struct arena *arena, int directory, const char *file, const char *value,
                       struct error *e)
{
    for (const char *line = value; *line;) {
        size_t length = strcspn(line, "\n");
        const char *text = arena_strndup(arena, line, length);
        if (length && write_string_at(directory, file, text, e) < 0)
            return -1;
        line += length + (line[length] == '\n');
    }
    return 0;
}

/* A list of what is allowed can only be made from nothing. */
static int write_devices(struct arena *arena, int directory, const char *list, struct error *e)
{
    if (write_string_at(directory, "devices.deny", "a", e) < 0)
        return -1;
    return write_lines(arena, directory, "devices.allow", list, e);
}

/* "cpu memory" reads so, but is written "+cpu +memory". */
static int enable_controllers(struct arena *arena, int directory, const char *names,
                              struct error *e)
{
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, " ");
        const char *word = arena_printf(arena, "+%.*s", (int)length, at);
        if (length && write_string_at(directory, "cgroup.subtree_control", word, e) < 0)
            return -1;
        at += length + (at[length] == ' ');
    }
    return 0;
}

static int write_property(struct arena *arena, int directory, const CgroupPropEntry *property,
                          struct error *e)
{
    if (!strcmp(property->name, "devices.list"))
        return write_devices(arena, directory, property->value, e);
    if (!strcmp(property->name, "cgroup.subtree_control"))
        return enable_controllers(arena, directory, property->value, e);
    return write_lines(arena, directory, property->name, property->value, e);
}

int cgroup_properties_write(struct arena *arena, int directory, const CgroupDirEntry *entry,
                            struct error *e)
{
    const CgroupPerms *perms = entry->dir_perms;
    if (perms && (fchownat(directory, ".", perms->uid, perms->gid, 0) < 0 ||
                  fchmodat(directory, ".", perms->mode & 07777, 0) < 0))
        return fail_errno(e, "cannot set its owner");
    for (size_t i = 0; i < entry->n_properties; i++) {
        const CgroupPropEntry *property = entry->properties[i];
        if (!is_kept(property->name) || strlen(property->value) > LONGEST_VALUE)
            continue;
        if (write_property(arena, directory, property, e) < 0 && e->code != ENOENT)
            return -1;
    }
    return 0;
}
