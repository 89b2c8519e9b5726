/* Stand-ins until namespaces, mounts and cgroups are here: every one is weak and goes away with
 * this file. A tree in the builder's own namespaces needs no more. */
#include "objects/cgroup.h"
#include "objects/mount.h"
#include "objects/namespace.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma weak namespaces_of_tree
#pragma weak namespaces_save
#pragma weak namespace_image_ids
#pragma weak namespace_image_ids_of_dumper
#pragma weak mount_image_id
#pragma weak cgroups_save
#pragma weak namespaces_plan
#pragma weak namespaces_fill
#pragma weak cgroups_prepare
#pragma weak cgroups_enter
#pragma weak cgroups_undo

int namespaces_of_tree(struct dump *dump, const struct owner *owners, size_t count, struct error *e)
{
    return 0;
}

int namespaces_save(struct dump *dump, struct error *e)
{
    return 0;
}

void namespace_image_ids_of_dumper(TaskKobjIdsEntry *ids)
{
    ids->has_pid_ns_id = ids->has_net_ns_id = ids->has_ipc_ns_id = ids->has_uts_ns_id = 1;
    ids->has_mnt_ns_id = ids->has_user_ns_id = ids->has_cgroup_ns_id = ids->has_time_ns_id = 1;
    ids->pid_ns_id = 1;
    ids->net_ns_id = 2;
    ids->ipc_ns_id = 3;
    ids->uts_ns_id = 4;
    ids->time_ns_id = 5;
    ids->mnt_ns_id = 6;
    ids->user_ns_id = 7;
    ids->cgroup_ns_id = 8;
}

void namespace_image_ids(const struct dump *dump, TaskKobjIdsEntry *ids)
{
    namespace_image_ids_of_dumper(ids);
}

int mount_image_id(const struct dump *dump, int mount_id, const char *link, int *image_id,
                   struct error *e)
{
    *image_id = -1;
    return 0;
}

int cgroups_save(struct dump *dump, const struct owner *owners, size_t count, uint32_t *sets,
                 struct error *e)
{
    for (size_t i = 0; i < count; i++)
        sets[i] = CGROUP_SET_OF_DUMPER;
    return 0;
}

void namespaces_plan(struct namespace_plan *plan, const struct stasis_options *options,
                     const TaskKobjIdsEntry *root_ids, const TaskKobjIdsEntry *dumper_ids)
{
    *plan = (struct namespace_plan){0};
}

int namespaces_fill(struct restore *restore, const struct namespace_plan *plan, struct error *e)
{
    return 0;
}

struct cgroup_plan *cgroups_prepare(struct restore *restore, struct error *e)
{
    return NULL;
}

int cgroups_enter(const struct cgroup_plan *plan, uint32_t set, pid_t pid, struct error *e)
{
    return 0;
}

void cgroups_undo(const struct cgroup_plan *plan)
{
}
