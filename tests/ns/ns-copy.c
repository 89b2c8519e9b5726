/* Saves the namespaces and cgroups of one process, and runs a command in copies of them.
 *
 *   ns-copy save PID DIR [MOUNTPOINT=NAME...]
 *   ns-copy fill DIR ROOT CGROUP [NAME=SOURCE...] -- COMMAND...    (ROOT "-": none is given) */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/procfs.h"
#include "objects/cgroup.h"
#include "objects/namespace.h"

static struct error error;

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void check(int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "ns-copy: %s\n", error.text);
    exit(1);
}

static size_t read_mappings(char **words, struct stasis_mapping *mappings)
{
    size_t count = 0;
    for (; words[count] && strcmp(words[count], "--") != 0; count++) {
        char *equals = strrchr(words[count], '=');
        *equals = 0;
        mappings[count] = (struct stasis_mapping){words[count], equals + 1};
    }
    return count;
}

static void save_ids(struct dump *dump, uint32_t cgroup_set)
{
    InventoryEntry inventory = INVENTORY_ENTRY__INIT;
    TaskKobjIdsEntry own = TASK_KOBJ_IDS_ENTRY__INIT, tree = TASK_KOBJ_IDS_ENTRY__INIT;
    namespace_image_ids_of_dumper(&own);
    namespace_image_ids(dump, &tree);
    inventory.img_version = 2;
    inventory.root_ids = &own;
    inventory.has_root_cg_set = true;
    inventory.root_cg_set = cgroup_set;
    check(image_write_one(dump->images, IMAGE_IDS, 1, &tree.base, &error));
    check(image_write_one(dump->images, IMAGE_INVENTORY, 0, &inventory.base, &error));
}

static int save(int count, char **words)
{
    struct stasis_mapping external[64];
    struct stasis_options options = {.manage_cgroups = true, .external_mounts = external};
    options.pid = atoi(words[0]);
    options.images_dir = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.external_mounts_count = count > 2 ? read_mappings(words + 2, external) : 0;
    struct arena *arena = arena_new();
    struct owner root = {.pid = options.pid, .vpid = 1, .comm = "target"};
    root.pidfd = (int)syscall(SYS_pidfd_open, options.pid, 0);
    check(root.proc = proc_open(options.pid, &error));
    struct dump dump = {.arena = arena, .options = &options, .root = &root};
    uint32_t set;
    check((dump.images = image_set_new(arena, options.images_dir, &error)) ? 0 : -1);
    double start = milliseconds();
    check(namespaces_of_tree(&dump, &root, 1, &error));
    check(cgroups_save(&dump, &root, 1, &set, &error));
    double middle = milliseconds();
    check(namespaces_save(&dump, &error));
    fprintf(stderr, "survey and cgroups %.2f ms, namespaces %.2f ms\n", middle - start,
            milliseconds() - middle);
    save_ids(&dump, set);
    check(image_set_commit(dump.images, &error));
    return 0;
}

static void run_inside(struct restore *restore, const struct namespace_plan *plan, char **command)
{
    double start = milliseconds();
    if (plan->ids[NS_CGROUP] && unshare(CLONE_NEWCGROUP) < 0)
        perror("unshare");
    check(namespaces_fill(restore, plan, &error));
    fprintf(stderr, "fill %.2f ms\n", milliseconds() - start);
    execv(command[0], command);
    perror(command[0]);
    _exit(127);
}

static int fill(char **words)
{
    struct stasis_mapping external[64], cgroup_root = {"", words[2]};
    struct stasis_options options = {.manage_cgroups = true,
                                     .external_mounts = external,
                                     .cgroup_roots = &cgroup_root,
                                     .cgroup_roots_count = 1};
    options.images_dir = open(words[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.root = strcmp(words[1], "-") != 0 ? words[1] : NULL;
    options.external_mounts_count = read_mappings(words + 3, external);
    struct restore restore = {
        .arena = arena_new(), .options = &options, .images_dir = options.images_dir};
    const TaskKobjIdsEntry *ids = image_read_one(restore.arena, options.images_dir, IMAGE_IDS, 1,
                                                 &task_kobj_ids_entry__descriptor, &error);
    const InventoryEntry *inventory =
        image_read_one(restore.arena, options.images_dir, IMAGE_INVENTORY, 0,
                       &inventory_entry__descriptor, &error);
    check(ids && inventory ? 0 : -1);
    struct namespace_plan plan;
    namespaces_plan(&plan, &options, ids, inventory->root_ids);
    double start = milliseconds();
    struct cgroup_plan *cgroups = cgroups_prepare(&restore, inventory->root_cg_set, &error);
    check(error.code ? -1 : 0);
    check(timens_begin(&restore, &plan, &error));
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return 1;
    struct clone_args args = {.flags = plan.clone_flags, .exit_signal = SIGCHLD};
    pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (child == 0) {
        char byte;
        close(go[1]);
        if (read(go[0], &byte, 1) == 1)
            run_inside(&restore, &plan, words + 4 + options.external_mounts_count);
        _exit(1);
    }
    timens_end(&plan);
    check(cgroups_enter(cgroups, inventory->root_cg_set, child, &error));
    fprintf(stderr, "cgroups and clone %.2f ms\n", milliseconds() - start);
    if (write(go[1], "", 1) != 1)
        return 1;
    int status;
    waitpid(child, &status, 0);
    cgroups_undo(cgroups);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **words)
{
    if (count > 3 && !strcmp(words[1], "save"))
        return save(count - 2, words + 2);
    if (count > 5 && !strcmp(words[1], "fill"))
        return fill(words + 2);
    return 2;
}
