#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/attach.h"
#include "engine/image.h"
#include "engine/record.h"
#include "engine/rootfs.h"
#include "engine/store.h"

static const char *const directories[] = {
    "containers", "names", "images", "layers", "volumes", "exec", "cache/seccomp", "trash",
};

/* Containers are made in the trash and renamed from there. ext4 puts what is made in a directory
 * with attribute T (chattr(1)) into block groups of their own, apart from the inodes of files that
 * were just removed, which it is slow to step over. Where the file system knows no such thing, none
 * is needed. */
static void spread_containers(int root)
{
    int flags = 0;
    AUTO_CLOSE int trash = openat(root, "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (trash < 0 || ioctl(trash, FS_IOC_GETFLAGS, &flags) < 0)
        return;
    flags |= FS_TOPDIR_FL;
    ioctl(trash, FS_IOC_SETFLAGS, &flags);
}

/* `ready` is made last: where it is, everything is. */
static int make_directories(int root, struct error *e)
{
    struct stat st;
    if (fstatat(root, "ready", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        if (make_directories_at(root, directories[i], 0700, e) < 0)
            return -1;
    }
    spread_containers(root);
    return replace_file_at(root, "ready", "1\n", 2, 0600, e);
}

static char *absolute_path(int fd)
{
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    return length < 0 ? NULL : strndup(path, (size_t)length);
}

struct engine *engine_open(const struct engine_options *options, struct error *e)
{
    const char *path = options->data_root ? options->data_root : "/var/lib/stasis";
    if (geteuid() != 0) {
        fail(e, EPERM, "containers need root");
        return NULL;
    }
    if (make_directories_at(AT_FDCWD, path, 0711, e) < 0)
        return NULL;
    AUTO_CLOSE int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        fail_errno(e, "data root %s", path);
        return NULL;
    }
    if (make_directories(root, e) < 0) {
        fail_in(e, "data root %s", path);
        return NULL;
    }
    const char *driver = rootfs_choose_driver(root, options->storage_driver, e);
    if (!driver)
        return NULL;
    struct engine *engine = calloc(1, sizeof(*engine));
    char *data_root = absolute_path(root);
    if (!engine || !data_root) {
        fail_errno(e, "data root %s", path);
        free(engine);
        free(data_root);
        return NULL;
    }
    engine->data_root = data_root;
    engine->root = take_fd(&root);
    engine->driver = driver;
    engine->version = options->version ? options->version : "0.1.0";
    pthread_mutex_init(&engine->waiting_mutex, NULL);
    return engine;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    attach_drop_waiting(engine);
    pthread_mutex_destroy(&engine->waiting_mutex);
    close(engine->root);
    free(engine->data_root);
    free(engine);
}

static json_t *operating_system(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error ignored = {0};
    char *text = read_file_at(AT_FDCWD, "/etc/os-release", arena, NULL, &ignored);
    char *name = text ? strstr(text, "PRETTY_NAME=\"") : NULL;
    if (!name)
        return json_string("Linux");
    name += strlen("PRETTY_NAME=\"");
    return json_stringn(name, strcspn(name, "\"\n"));
}

static bool has_cgroup_v1(void)
{
    return access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0;
}

static void add_counts(struct engine *engine, json_t *info)
{
    json_int_t running = 0, paused = 0, all = 0;
    struct error ignored = {0};
    struct engine_list query = {.all = true};
    json_auto_t *containers = engine_container_list(engine, &query, &ignored);
    json_auto_t *images = engine_image_list(engine, NULL, false, &ignored);
    size_t i;
    json_t *summary;
    json_array_foreach (containers, i, summary) {
        const char *state = json_text(summary, "State");
        all++;
        running += strcmp(state, "running") == 0;
        paused += strcmp(state, "paused") == 0;
    }
    json_object_set_new(info, "Containers", json_integer(all));
    json_object_set_new(info, "ContainersRunning", json_integer(running));
    json_object_set_new(info, "ContainersPaused", json_integer(paused));
    json_object_set_new(info, "ContainersStopped", json_integer(all - running - paused));
    json_object_set_new(info, "Images", json_integer((json_int_t)json_array_size(images)));
}

static void add_machine(const struct engine *engine, json_t *info)
{
    struct utsname name;
    struct sysinfo memory;
    char now[TIME_TEXT_SIZE];
    uname(&name);
    sysinfo(&memory);
    write_time_now(now);
    json_object_set_new(info, "SystemTime", json_string(now));
    json_object_set_new(info, "KernelVersion", json_string(name.release));
    json_object_set_new(info, "Architecture", json_string(name.machine));
    json_object_set_new(info, "Name", json_string(name.nodename));
    json_object_set_new(info, "OperatingSystem", operating_system());
    json_object_set_new(info, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(info, "MemTotal",
                        json_integer((json_int_t)memory.totalram * memory.mem_unit));
    json_object_set_new(info, "ServerVersion", json_string(engine->version));
    json_object_set_new(info, "DockerRootDir", json_string(engine->data_root));
    json_object_set_new(info, "Driver", json_string(engine->driver));
}

json_t *engine_info(struct engine *engine, struct error *e)
{
    json_t *info = json_pack(
        "{s:s, s:s, s:[], s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:{s:{s:s}},"
        " s:s, s:[s], s:{s:[s], s:[s, s, s], s:[s]}, s:[], s:i, s:i}",
        "ID", "stasis", "OSType", "linux", "DriverStatus", "MemoryLimit", true, "SwapLimit", true,
        "PidsLimit", true, "CpuCfsPeriod", true, "CpuCfsQuota", true, "IPv4Forwarding", true,
        "ExperimentalBuild", true, "CgroupDriver", "cgroupfs", "CgroupVersion",
        has_cgroup_v1() ? "1" : "2", "LoggingDriver", "json-file", "InitBinary", "",
        "IndexServerAddress", "", "Runtimes", "stasis", "path", "stasis", "DefaultRuntime",
        "stasis", "SecurityOptions", "name=seccomp,profile=builtin", "Plugins", "Volume", "local",
        "Network", "bridge", "host", "none", "Log", "json-file", "Warnings", "NGoroutines", 0,
        "NEventsListener", 0);
    if (!info) {
        fail(e, EIO, "info: cannot be told");
        return NULL;
    }
    add_machine(engine, info);
    add_counts(engine, info);
    return info;
}

json_t *engine_version(struct engine *engine, struct error *e)
{
    struct utsname name;
    if (uname(&name) < 0) {
        fail_errno(e, "uname");
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "Version", engine->version, "Os",
                     "linux", "Arch", "amd64", "KernelVersion", name.release, "Experimental", true,
                     "GitCommit", "", "GoVersion", "", "BuildTime", "");
}
