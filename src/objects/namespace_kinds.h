/* The tables of all types of namespaces, each in a file of its own. */
#ifndef STASIS_OBJECTS_NAMESPACE_KINDS_H
#define STASIS_OBJECTS_NAMESPACE_KINDS_H

#include "objects/object.h"

extern const struct namespace_kind pid_namespace_kind, net_namespace_kind, ipc_namespace_kind,
    uts_namespace_kind, time_namespace_kind, mount_namespace_kind, user_namespace_kind,
    cgroup_namespace_kind;

/* Writes the clocks of a time namespace, or with NULL the dumper's own as timens-0.img. */
int timens_save(struct dump *dump, const struct namespace_id *ns, struct error *e);

#endif
