/* The story of a restore: read, plan, stage, build by scripts, let go. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "objects/cgroup.h"
#include "restore/processor.h"
#include "restore/run.h"
#include "restore/stage.h"
#include "restore/vessel.h"

static int plan(struct tree *tree, struct error *e)
{
    const struct stasis_options *options = tree->restore.options;
    namespaces_plan(&tree->namespaces, options, tree->root->ids, tree->inventory->root_ids);
    if (plan_sessions(tree, e) < 0)
        return -1;
    for (size_t i = 0; i < tree->tasks.count; i++)
        if (tree->tasks.items[i]->memory && !tree->tasks.items[i]->shares_memory)
            plan_memory(tree, tree->tasks.items[i]);
    if (tree->namespaces.joins_net) {
        tree->net_namespace = open(options->netns_path, O_RDONLY | O_CLOEXEC);
        if (tree->net_namespace < 0)
            return fail_errno(e, "network namespace %s", options->netns_path);
    }
    return 0;
}

static int fill_and_stage(struct tree *tree, struct error *e)
{
    if (namespaces_fill(&tree->restore, &tree->namespaces, e) < 0)
        return -1;
    return stage_files(tree, e);
}

/* The root of a new cgroup namespace is where its maker is at that moment. */
static int open_cgroups(struct tree *tree, struct error *e)
{
    uint32_t set = tree->root->threads.items[0].core->tc->cg_set;
    bool has_namespace = tree->namespaces.ids[NS_CGROUP];
    enum cgroup_stop first = has_namespace ? CGROUP_NAMESPACE_ROOT : CGROUP_OWN;
    if (cgroup_doors_open(tree->cgroups, set, first, &tree->way.first, e) < 0)
        return -1;
    if (!has_namespace)
        return 0;
    return cgroup_doors_open(tree->cgroups, set, CGROUP_OWN_BELOW_ROOT, &tree->way.then, e);
}

static void close_cgroups(struct tree *tree)
{
    cgroup_doors_close(&tree->way.first);
    cgroup_doors_close(&tree->way.then);
}

static int start_root_in_time(struct tree *tree, struct error *e)
{
    if (timens_begin(&tree->restore, &tree->namespaces, e) < 0)
        return -1;
    int result = start_root(tree, e);
    timens_end(&tree->namespaces);
    return result;
}

static bool has_own_namespaces(const struct tree *tree)
{
    return tree->namespaces.clone_flags || tree->namespaces.ids[NS_CGROUP] ||
           tree->namespaces.ids[NS_TIME] || tree->net_namespace >= 0;
}

/* The root has namespaces or cgroups of its own: it waits until they are as they must be, as what
 * is staged has to be opened inside. */
static int build_inside(struct tree *tree, struct error *e)
{
    tree->go = new_word(tree);
    tree->has_cgroups = new_word(tree);
    if (open_cgroups(tree, e) < 0 || begin_scripts(tree, e) < 0 ||
        start_root_in_time(tree, e) < 0 || wait_for_word(tree, tree->has_cgroups, 1, e) < 0)
        return -1;
    close_cgroups(tree);
    if ((has_own_namespaces(tree) ? visit_root(tree, fill_and_stage, e) : stage_files(tree, e)) <
            0 ||
        stage_memory(tree, e) < 0 || write_scripts(tree, e) < 0)
        return -1;
    let_root_go(tree);
    return 0;
}

static int build_here(struct tree *tree, struct error *e)
{
    if (stage_files(tree, e) < 0 || stage_memory(tree, e) < 0 || begin_scripts(tree, e) < 0 ||
        write_scripts(tree, e) < 0)
        return -1;
    return start_root(tree, e);
}

static int build(struct tree *tree, struct error *e)
{
    bool waits = has_own_namespaces(tree) || tree->cgroups;
    if ((waits ? build_inside : build_here)(tree, e) < 0)
        return -1;
    return wait_until_built(tree, e);
}

static int restore_tree(struct tree *tree, struct error *e)
{
    const struct log *log = tree->restore.log;
    if (read_tree(tree, e) < 0 || read_seccomp(tree, e) < 0 || plan(tree, e) < 0 ||
        claim_ids(tree, e) < 0)
        return -1;
    log_line(log, LOG_INFO, "Restoring %zu processes", tree->tasks.count);
    if (learn_baseline(tree->before, e) < 0 || map_area(tree, e) < 0)
        return -1;
    *e = (struct error){0}; /* images that may be missing have left theirs */
    tree->cgroups =
        cgroups_prepare(&tree->restore, tree->root->threads.items[0].core->tc->cg_set, e);
    if (!tree->cgroups && e->code)
        return -1;
    if (build(tree, e) < 0)
        return -1;
    log_line(log, LOG_INFO, "All processes are built");
    if (find_hosts(tree, e) < 0 || set_file_owners(tree, e) < 0)
        return -1;
    return release_tree(tree, e);
}

static void undo(struct tree *tree)
{
    kill_vessels(tree);
    if (tree->cgroups)
        cgroups_undo(tree->cgroups);
}

pid_t stasis_restore(const struct stasis_options *options, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct baseline before = {0};
    struct processor processor = {0};
    struct tree tree = {
        .restore = {.arena = arena,
                    .options = options,
                    .log = options->log,
                    .images_dir = options->images_dir,
                    .proc_self_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)},
        .before = &before,
        .processor = &processor,
        .highest_fd = -1,
        .net_namespace = -1,
        .way = {.first.v2 = -1, .then.v2 = -1},
        .builder_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0),
        .root_pidfd = -1,
    };
    int result = restore_tree(&tree, e);
    if (result < 0)
        undo(&tree);
    pid_t pid = result < 0 ? -1 : tree.root->threads.items[0].host_tid;
    close_cgroups(&tree);
    unstage_all(&tree);
    unmap_area(&tree);
    const int held[] = {tree.builder_pidfd, tree.root_pidfd, tree.net_namespace,
                        tree.restore.proc_self_fds};
    for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
        if (held[i] >= 0)
            close(held[i]);
    return pid;
}
