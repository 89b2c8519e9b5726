/* Did the kernel kill processes of a cgroup because its memory was used up? */
#ifndef STASIS_ENGINE_OOM_H
#define STASIS_ENGINE_OOM_H

#include <stdbool.h>

/* cgroup-v1/memory.rst, cgroup-v2.rst of the kernel: memory.oom_control, memory.events. */
bool oom_killed(const char *cgroup);

#endif
