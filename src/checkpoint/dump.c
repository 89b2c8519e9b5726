/* The story of a checkpoint: freeze, survey, ask, save, publish; then kill the tree or let it go.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint/tree.h"
#include "objects/cgroup.h"
#include "objects/namespace.h"

struct stopwatch {
    struct timespec start, frozen, saved;
};

static uint32_t micros_between(const struct timespec *from, const struct timespec *to)
{
    int64_t micros = (to->tv_sec - from->tv_sec) * 1000000LL + (to->tv_nsec - from->tv_nsec) / 1000;
    return micros > 0 ? (uint32_t)micros : 0;
}

static int check_options(const struct stasis_options *options, struct error *e)
{
    if (options->pid <= 0)
        return fail(e, EINVAL, "no process to dump: give its pid");
    if (options->pid == getpid())
        return fail(e, EINVAL, "pid %d: a process cannot dump itself", (int)options->pid);
    return 0;
}

/* Which namespaces and cgroups the tree lives in. */
static int place_tree(struct tree *tree, struct error *e)
{
    struct arena *arena = tree->dump->arena;
    struct owner *owners = arena_alloc(arena, sizeof(*owners) * tree->tasks.count);
    struct task **alive = arena_alloc(arena, sizeof(*alive) * tree->tasks.count);
    uint32_t *sets = arena_alloc(arena, sizeof(*sets) * tree->tasks.count);
    size_t count = 0;
    for (size_t i = 0; i < tree->tasks.count; i++) {
        if (tree->tasks.items[i]->state == TASK_DEAD)
            continue;
        alive[count] = tree->tasks.items[i];
        owners[count++] = tree->tasks.items[i]->owner;
    }
    if (namespaces_of_tree(tree->dump, owners, count, e) < 0 ||
        cgroups_save(tree->dump, owners, count, sets, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        alive[i]->cgroup_set = sets[i];
    return 0;
}

static int save_stats(struct tree *tree, const struct stopwatch *watch, struct error *e)
{
    StatsEntry stats = STATS_ENTRY__INIT;
    DumpStatsEntry dump = DUMP_STATS_ENTRY__INIT;
    dump.freezing_time = micros_between(&watch->start, &watch->frozen);
    dump.frozen_time = micros_between(&watch->frozen, &watch->saved);
    stats.dump = &dump;
    return image_write_one(tree->dump->images, IMAGE_STATS_DUMP, 0, &stats.base, e);
}

static int save_namespaces(struct tree *tree, struct error *e)
{
    return namespaces_save(tree->dump, e);
}

static int close_shared_images(struct tree *tree, struct error *e)
{
    struct image *images[] = {tree->dump->files_image, tree->dump->pipes_data, tree->dump->remaps,
                              tree->dump->terminals};
    for (size_t i = 0; i < sizeof(images) / sizeof(*images); i++)
        if (images[i] && image_close(images[i], e) < 0)
            return -1;
    return 0;
}

static int save_what_the_caller_has(struct tree *tree, struct error *e)
{
    const struct stasis_options *options = tree->dump->options;
    return options->while_frozen ? options->while_frozen(options->while_frozen_context, e) : 0;
}

static int save_everything(struct tree *tree, struct error *e)
{
    static const struct {
        const char *name;
        int (*take)(struct tree *, struct error *);
    } steps[] = {
        {"survey", survey_tree},
        {"shared structures", find_shared_structures},
        {"questions", ask_tree},
        {"namespaces and cgroups of the tree", place_tree},
        {"seccomp filters", save_seccomp},
        {"cores", save_cores},
        {"descriptors", save_descriptors},
        {"mappings", save_mappings},
        {"memory", save_memory},
        {"tree", save_tree_images},
        {"namespaces", save_namespaces},
        {"files", close_shared_images},
        {"what the caller adds", save_what_the_caller_has},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i].take(tree, e) < 0)
            return -1;
        log_line(tree->dump->log, LOG_DEBUG, "Done: %s", steps[i].name);
    }
    return 0;
}

static int dump_frozen(struct tree *tree, struct stopwatch *watch, struct error *e)
{
    struct dump *dump = tree->dump;
    clock_gettime(CLOCK_MONOTONIC, &watch->frozen);
    log_line(dump->log, LOG_INFO, "Frozen: %zu processes", tree->tasks.count);
    if (save_everything(tree, e) < 0)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &watch->saved);
    if (save_stats(tree, watch, e) < 0)
        return -1;
    return image_set_commit(dump->images, e);
}

static void close_tree(struct tree *tree)
{
    for (size_t i = 0; i < tree->tasks.count; i++) {
        const struct owner *owner = &tree->tasks.items[i]->owner;
        if (owner->pidfd >= 0)
            close(owner->pidfd);
        if (owner->proc >= 0)
            close(owner->proc);
    }
}

static int dump_tree(struct tree *tree, struct error *e)
{
    const struct stasis_options *options = tree->dump->options;
    struct stopwatch watch;
    clock_gettime(CLOCK_MONOTONIC, &watch.start);
    int result = freeze_tree(tree, e);
    if (result == 0)
        result = dump_frozen(tree, &watch, e);
    if (result < 0 || options->leave_running || options->leave_stopped)
        thaw_tree(tree, result == 0 && options->leave_stopped);
    else
        kill_tree(tree, !options->leave_dying);
    close_tree(tree);
    return result;
}

int stasis_dump(const struct stasis_options *options, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct dump dump = {.arena = arena, .options = options, .log = options->log};
    struct tree tree = {.dump = &dump};
    if (check_options(options, e) < 0)
        return -1;
    dump.images = image_set_new(arena, options->images_dir, e);
    if (!dump.images)
        return -1;
    int result = dump_tree(&tree, e);
    image_set_abandon(dump.images);
    return result;
}
