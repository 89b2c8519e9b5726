#include "runtime/defaults.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/capabilities.h"

static json_t *names_of(uint64_t set)
{
    json_t *names = json_array();
    for (int i = 0; i < 64; i++)
        if (set >> i & 1 && capability_name(i))
            json_array_append_new(names, json_string(capability_name(i)));
    return names;
}

json_t *runtime_default_capabilities(void)
{
    static const int numbers[] = {
        CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
        CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
        CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
        CAP_KILL,    CAP_AUDIT_WRITE};
    uint64_t set = 0;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        set |= UINT64_C(1) << numbers[i];
    return names_of(set);
}

json_t *runtime_all_capabilities(void)
{
    struct error ignored;
    uint64_t held = 0;
    (void)capabilities_held(&held, &ignored);
    return names_of(held);
}

static json_t *array_of(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

json_t *runtime_default_masked_paths(void)
{
    static const char *const paths[] = {
        "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
        "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
    };
    return array_of(paths, sizeof(paths) / sizeof(*paths));
}

json_t *runtime_default_readonly_paths(void)
{
    static const char *const paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                        "/proc/sysrq-trigger"};
    return array_of(paths, sizeof(paths) / sizeof(*paths));
}

/* `options` are separated by commas. */
static void add_mount(json_t *mounts, const char *destination, const char *type, const char *source,
                      const char *options)
{
    json_t *words = json_array();
    for (const char *at = options; *at; at += strspn(at, ",")) {
        size_t length = strcspn(at, ",");
        json_array_append_new(words, json_stringn(at, length));
        at += length;
    }
    json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:o}", "destination", destination,
                                            "type", type, "source", source, "options", words));
}

json_t *runtime_default_mounts(bool privileged)
{
    const char *system = privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro";
    json_t *mounts = json_array();
    add_mount(mounts, "/proc", "proc", "proc", "nosuid,noexec,nodev");
    add_mount(mounts, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
    add_mount(mounts, "/dev/pts", "devpts", "devpts",
              "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
    add_mount(mounts, "/sys", "sysfs", "sysfs", system);
    add_mount(mounts, "/sys/fs/cgroup", "cgroup", "cgroup", system);
    add_mount(mounts, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
    add_mount(mounts, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=67108864");
    return mounts;
}

static void add_rule(json_t *rules, bool allow, const char *type, int major, int minor,
                     const char *access)
{
    json_t *rule = json_pack("{s:b, s:s, s:s}", "allow", allow, "type", type, "access", access);
    if (major >= 0)
        json_object_set_new(rule, "major", json_integer(major));
    if (minor >= 0)
        json_object_set_new(rule, "minor", json_integer(minor));
    json_array_append_new(rules, rule);
}

json_t *runtime_default_device_rules(bool privileged)
{
    static const struct {
        int major, minor;
    } usable[] = {
        {1, 3}, {1, 5}, {1, 7},    {1, 8}, {1, 9}, /* null, zero, full, random, urandom */
        {5, 0}, {5, 2}, {136, -1},                 /* tty, ptmx, pseudo-terminals */
    };
    json_t *rules = json_array();
    add_rule(rules, privileged, "a", -1, -1, "rwm");
    if (privileged)
        return rules;
    add_rule(rules, true, "c", -1, -1, "m");
    add_rule(rules, true, "b", -1, -1, "m");
    for (size_t i = 0; i < sizeof(usable) / sizeof(*usable); i++)
        add_rule(rules, true, "c", usable[i].major, usable[i].minor, "rwm");
    return rules;
}

static void add_device(json_t *devices, const char *path, const struct stat *st)
{
    json_array_append_new(
        devices, json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "path", path, "type",
                           S_ISBLK(st->st_mode) ? "b" : "c", "major", (int)major(st->st_rdev),
                           "minor", (int)minor(st->st_rdev), "fileMode", (int)(st->st_mode & 07777),
                           "uid", (int)st->st_uid, "gid", (int)st->st_gid));
}

/* What the container has of its own, or what is not a device of the machine. */
static bool is_passed_over(const char *path)
{
    static const char *const paths[] = {"/dev/pts",     "/dev/shm",       "/dev/fd",  "/dev/mqueue",
                                        "/dev/console", "/dev/hugepages", "/dev/ptmx"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (!strcmp(paths[i], path))
            return true;
    return false;
}

static void add_devices_below(json_t *devices, int directory, const char *path)
{
    AUTO_CLOSEDIR DIR *entries = fdopendir(directory);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char below[4096];
        int length = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || length < 0 || (size_t)length >= sizeof(below) ||
            is_passed_over(below))
            continue;
        struct stat st;
        if (fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
            add_device(devices, below, &st);
        int next = S_ISDIR(st.st_mode) ? openat(directory, entry->d_name,
                                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                       : -1;
        if (next >= 0)
            add_devices_below(devices, next, below);
    }
}

json_t *runtime_host_devices(void)
{
    json_t *devices = json_array();
    int dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dev >= 0)
        add_devices_below(devices, dev, "/dev");
    return devices;
}
