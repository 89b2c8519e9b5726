#include <sched.h>

#include "objects/namespace_kinds.h"

/* Process ids are in the images of the tree, and clone3(2) set_tid brings them back: nothing of the
 * namespace itself is left to write. */
const struct namespace_kind pid_namespace_kind = {
    .type = NS_PID, .proc_name = "pid", .clone_flag = CLONE_NEWPID};
