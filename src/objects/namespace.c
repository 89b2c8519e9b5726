#include "objects/namespace.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/nsvisit.h"
#include "kernel/procfs.h"
#include "objects/mount.h"
#include "objects/namespace_kinds.h"

const struct namespace_kind *const namespace_kinds[NS_TYPES] = {
    [NS_PID] = &pid_namespace_kind,   [NS_NET] = &net_namespace_kind,
    [NS_IPC] = &ipc_namespace_kind,   [NS_UTS] = &uts_namespace_kind,
    [NS_TIME] = &time_namespace_kind, [NS_MNT] = &mount_namespace_kind,
    [NS_USER] = &user_namespace_kind, [NS_CGROUP] = &cgroup_namespace_kind,
};

/* Ids of the dumper's namespaces are 1 to 8 in the order of the types, as CRIU gives them. */
static uint32_t id_of_dumper(int type)
{
    return (uint32_t)type + 1;
}

static int register_own_namespaces(struct dump *dump, struct error *e)
{
    AUTO_CLOSE int self = proc_open_self(e);
    if (self < 0)
        return -1;
    for (int type = 0; type < NS_TYPES; type++)
        vec_add(dump->arena, &dump->namespaces,
                ((struct namespace_id){
                    .type = (enum namespace_type)type,
                    .inode = proc_namespace_inode(self, namespace_kinds[type]->proc_name),
                    .id = id_of_dumper(type)}));
    return 0;
}

static void register_foreign_namespaces(struct dump *dump, const struct owner *root)
{
    uint32_t next = id_of_dumper(NS_TYPES);
    for (int type = 0; type < NS_TYPES; type++) {
        uint64_t inode = proc_namespace_inode(root->proc, namespace_kinds[type]->proc_name);
        if (inode == dump->namespaces.items[type].inode)
            continue;
        vec_add(dump->arena, &dump->namespaces,
                ((struct namespace_id){.type = (enum namespace_type)type,
                                       .inode = inode,
                                       .id = next++,
                                       .foreign = true,
                                       .member = root->pid}));
    }
}

/* The tree's namespace of a type: its own, or else the dumper's. */
static const struct namespace_id *tree_namespace(const struct dump *dump, enum namespace_type type)
{
    for (size_t i = NS_TYPES; i < dump->namespaces.count; i++)
        if (dump->namespaces.items[i].type == type)
            return &dump->namespaces.items[i];
    return &dump->namespaces.items[type];
}

/* A namespace made by unshare(2) that only later children would enter. */
static int refuse_namespace_for_children(const struct owner *owner, const char *name,
                                         const char *for_children, struct error *e)
{
    uint64_t own = proc_namespace_inode(owner->proc, name);
    uint64_t later = proc_namespace_inode(owner->proc, for_children);
    /* A pid namespace for children that has no process yet has no number. */
    if (!own || own == later)
        return 0;
    return fail(e, ENOTSUP, "pid %d (%s): %s namespace for its children: not supported",
                (int)owner->pid, owner->comm, name);
}

static int check_owner(const struct dump *dump, const struct owner *owner, struct error *e)
{
    for (int type = 0; type < NS_TYPES; type++) {
        const char *name = namespace_kinds[type]->proc_name;
        if (proc_namespace_inode(owner->proc, name) !=
            tree_namespace(dump, (enum namespace_type)type)->inode)
            return fail(e, ENOTSUP,
                        "pid %d (%s): %s namespace other than that of the tree's root: "
                        "not supported",
                        (int)owner->pid, owner->comm, name);
    }
    if (refuse_namespace_for_children(owner, "pid", "pid_for_children", e) < 0)
        return -1;
    return refuse_namespace_for_children(owner, "time", "time_for_children", e);
}

int namespaces_of_tree(struct dump *dump, const struct owner *owners, size_t count, struct error *e)
{
    if (register_own_namespaces(dump, e) < 0)
        return -1;
    register_foreign_namespaces(dump, &owners[0]);
    for (size_t i = 0; i < count; i++)
        if (check_owner(dump, &owners[i], e) < 0)
            return -1;
    return namespace_is_foreign(dump, NS_MNT) ? mounts_of_tree(dump, &owners[0], e) : 0;
}

static void set_image_id(TaskKobjIdsEntry *ids, enum namespace_type type, uint32_t id)
{
    uint32_t *fields[NS_TYPES] = {
        [NS_PID] = &ids->pid_ns_id,   [NS_NET] = &ids->net_ns_id,       [NS_IPC] = &ids->ipc_ns_id,
        [NS_UTS] = &ids->uts_ns_id,   [NS_TIME] = &ids->time_ns_id,     [NS_MNT] = &ids->mnt_ns_id,
        [NS_USER] = &ids->user_ns_id, [NS_CGROUP] = &ids->cgroup_ns_id,
    };
    *fields[type] = id;
}

static void mark_namespaces_present(TaskKobjIdsEntry *ids)
{
    ids->has_pid_ns_id = ids->has_net_ns_id = ids->has_ipc_ns_id = ids->has_uts_ns_id = true;
    ids->has_time_ns_id = ids->has_mnt_ns_id = ids->has_user_ns_id = ids->has_cgroup_ns_id = true;
}

void namespace_image_ids(const struct dump *dump, TaskKobjIdsEntry *ids)
{
    mark_namespaces_present(ids);
    for (int type = 0; type < NS_TYPES; type++)
        set_image_id(ids, (enum namespace_type)type,
                     tree_namespace(dump, (enum namespace_type)type)->id);
}

void namespace_image_ids_of_dumper(TaskKobjIdsEntry *ids)
{
    mark_namespaces_present(ids);
    for (int type = 0; type < NS_TYPES; type++)
        set_image_id(ids, (enum namespace_type)type, id_of_dumper(type));
}

bool namespace_is_foreign(const struct dump *dump, enum namespace_type type)
{
    return tree_namespace(dump, type)->foreign;
}

uint32_t namespace_image_id(const struct dump *dump, enum namespace_type type, uint64_t inode)
{
    for (size_t i = 0; i < dump->namespaces.count; i++)
        if (dump->namespaces.items[i].type == type && dump->namespaces.items[i].inode == inode)
            return dump->namespaces.items[i].id;
    return 0;
}

static int save_namespace(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    const struct namespace_kind *kind = namespace_kinds[ns->type];
    if (!kind->save || kind->save(dump, ns, e) == 0)
        return 0;
    return fail_in(e, "pid %d (%s): %s namespace", (int)dump->root->pid, dump->root->comm,
                   kind->proc_name);
}

/* What can be asked only from inside is asked on one visit to all of them. */
static int visit_flags(const struct dump *dump)
{
    int flags = 0;
    for (size_t i = NS_TYPES; i < dump->namespaces.count; i++)
        if (namespace_kinds[dump->namespaces.items[i].type]->saved_inside)
            flags |= namespace_kinds[dump->namespaces.items[i].type]->clone_flag;
    return flags;
}

static int save_on_visit(struct dump *dump, struct error *e)
{
    AUTO_NSVISIT struct nsvisit visit;
    if (nsvisit_begin(&visit, dump->root->pidfd, visit_flags(dump), e) < 0)
        return fail_in(e, "pid %d (%s)", (int)dump->root->pid, dump->root->comm);
    for (size_t i = NS_TYPES; i < dump->namespaces.count; i++)
        if (namespace_kinds[dump->namespaces.items[i].type]->saved_inside &&
            save_namespace(dump, &dump->namespaces.items[i], e) < 0)
            return -1;
    return 0;
}

int namespaces_save(struct dump *dump, struct error *e)
{
    if (!namespace_is_foreign(dump, NS_TIME) && timens_save(dump, NULL, e) < 0)
        return -1;
    for (size_t i = NS_TYPES; i < dump->namespaces.count; i++)
        if (!namespace_kinds[dump->namespaces.items[i].type]->saved_inside &&
            save_namespace(dump, &dump->namespaces.items[i], e) < 0)
            return -1;
    return save_on_visit(dump, e);
}

static uint32_t image_id_in(const TaskKobjIdsEntry *ids, enum namespace_type type)
{
    const struct {
        protobuf_c_boolean has;
        uint32_t id;
    } fields[NS_TYPES] = {
        [NS_PID] = {ids->has_pid_ns_id, ids->pid_ns_id},
        [NS_NET] = {ids->has_net_ns_id, ids->net_ns_id},
        [NS_IPC] = {ids->has_ipc_ns_id, ids->ipc_ns_id},
        [NS_UTS] = {ids->has_uts_ns_id, ids->uts_ns_id},
        [NS_TIME] = {ids->has_time_ns_id, ids->time_ns_id},
        [NS_MNT] = {ids->has_mnt_ns_id, ids->mnt_ns_id},
        [NS_USER] = {ids->has_user_ns_id, ids->user_ns_id},
        [NS_CGROUP] = {ids->has_cgroup_ns_id, ids->cgroup_ns_id},
    };
    return fields[type].has ? fields[type].id : 0;
}

void namespaces_plan(struct namespace_plan *plan, const struct stasis_options *options,
                     const TaskKobjIdsEntry *root_ids, const TaskKobjIdsEntry *dumper_ids)
{
    *plan = (struct namespace_plan){0};
    plan->joins_net = options->netns_path != NULL;
    for (int i = 0; i < NS_TYPES; i++) {
        enum namespace_type type = (enum namespace_type)i;
        uint32_t id = image_id_in(root_ids, type);
        if (!id || id == image_id_in(dumper_ids, type) || (type == NS_NET && plan->joins_net))
            continue;
        plan->ids[type] = id;
        if (type != NS_CGROUP && type != NS_TIME)
            plan->clone_flags |= (uint64_t)(unsigned)namespace_kinds[type]->clone_flag;
    }
}

int namespaces_fill(struct restore *restore, const struct namespace_plan *plan, struct error *e)
{
    for (int type = 0; type < NS_TYPES; type++) {
        const struct namespace_kind *kind = namespace_kinds[type];
        if (plan->ids[type] && kind->fill && kind->fill(restore, plan->ids[type], e) < 0)
            return fail_in(e, "%s namespace", kind->proc_name);
    }
    return 0;
}
