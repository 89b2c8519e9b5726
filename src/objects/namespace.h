/* The namespaces that a tree lives in. See namespaces(7). */
#ifndef STASIS_OBJECTS_NAMESPACE_H
#define STASIS_OBJECTS_NAMESPACE_H

#include "objects/object.h"

/* ---- dump ---- */

/* Registers the dumper's own namespaces as ids 1 to 8 and the tree's foreign ones from 9 on in
 * dump->namespaces, and reads dump->mounts where the mount namespace is foreign. owners[0] is the
 * root task. Fails where tasks of one tree differ in a namespace, where a namespace is kept for
 * children only, or where its kind is not supported. */
int namespaces_of_tree(struct dump *dump, const struct owner *owners, size_t count,
                       struct error *e);

/* The namespace fields of ids-PID.img (the same for all tasks of the tree), and of the inventory's
 * root_ids (the dumper's own). Other fields stay as they are. */
void namespace_image_ids(const struct dump *dump, TaskKobjIdsEntry *ids);
void namespace_image_ids_of_dumper(TaskKobjIdsEntry *ids);

/* Is the tree in its own namespace of this type? */
bool namespace_is_foreign(const struct dump *dump, enum namespace_type type);

/* The image id of the namespace of `type` with this inode, for files that refer to it; 0: not one
 * of the tree's or the dumper's. */
uint32_t namespace_image_id(const struct dump *dump, enum namespace_type type, uint64_t inode);

/* Writes the images of all foreign namespaces, and timens-0.img. */
int namespaces_save(struct dump *dump, struct error *e);

/* ---- restore ---- */

/* What the root task's namespaces become, by its ids and the inventory's. */
struct namespace_plan {
    /* CLONE_NEW* for the root vessel's clone3(2), without CLONE_NEWTIME (see timens_begin) and
     * CLONE_NEWCGROUP: the kernel makes the cgroups that a process is in at unshare(2) the root of
     * its new cgroup namespace, so it must have entered them before (cgroup.h). */
    uint64_t clone_flags;
    uint32_t ids[NS_TYPES]; /* image id of each namespace that is new; 0: the builder's, joined */
    bool joins_net;         /* the network namespace is options->netns_path's */
};
void namespaces_plan(struct namespace_plan *plan, const struct stasis_options *options,
                     const TaskKobjIdsEntry *root_ids, const TaskKobjIdsEntry *dumper_ids);

/* Around the clone3(2) of the root vessel: lets the next children of the calling thread enter a new
 * time namespace whose clocks go on from the image's, and not any more. Nothing where the tree has
 * no time namespace of its own. The calling process must have one thread. time_namespaces(7). */
int timens_begin(struct restore *restore, const struct namespace_plan *plan, struct error *e);
void timens_end(const struct namespace_plan *plan);

/* Fills the new namespaces from the images. Runs in a process that is inside all of them, with the
 * builder's memory and descriptor table but a root and working directory of its own (CLONE_FS must
 * not be shared with the builder): afterwards its root and working directory are the restored root
 * of the tree's mount namespace, and so are those of processes that it makes. The caller's mount
 * namespace is a fresh copy (CLONE_NEWNS) of the builder's. 0, or -1 with *e. */
int namespaces_fill(struct restore *restore, const struct namespace_plan *plan, struct error *e);

#endif
