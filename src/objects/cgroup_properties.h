/* Files of a cgroup directory whose values are kept. */
#ifndef STASIS_OBJECTS_CGROUP_PROPERTIES_H
#define STASIS_OBJECTS_CGROUP_PROPERTIES_H

#include "objects/object.h"

/* Fills entry->properties and dir_perms from a directory of the hierarchy with `controllers`. What
 * a kernel does not have is left out. 0, or -1 with *e. */
int cgroup_properties_read(struct arena *arena, int directory, const char *controllers,
                           CgroupDirEntry *entry, struct error *e);

/* Writes them. What this kernel does not have is left out. 0, or -1 with *e. */
int cgroup_properties_write(struct arena *arena, int directory, const CgroupDirEntry *entry,
                            struct error *e);

#endif
