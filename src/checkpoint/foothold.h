/* A foothold in a frozen process: an area for scripts, mapped there for a while. While it is held
 * all signals of the process are blocked; giving it up puts back all that the freeze found. */
#ifndef STASIS_CHECKPOINT_FOOTHOLD_H
#define STASIS_CHECKPOINT_FOOTHOLD_H

#include "checkpoint/tree.h"
#include "script/script.h"

struct foothold {
    struct task *task;
    uint64_t gadget; /* a SYSCALL instruction that the task has already: no code of it is changed */
    struct script_area area;
};

/* Maps an area of 64 KiB. After a failure the task is as it was. */
int foothold_take(struct tree *tree, struct task *task, struct foothold *foothold, struct error *e);
/* Unmaps it and puts registers and signal masks back, set up to go on. Always call it once. */
int foothold_leave(struct foothold *foothold, struct error *e);

/* Empties the area and starts a script in it. */
int foothold_begin(struct foothold *foothold, struct script *script, struct error *e);
/* Ends the script, runs it in the thread, and copies the area back: results stand in the area as
 * the builder sees it. -1 with *e naming the thread and the call that failed. */
int foothold_run(struct foothold *foothold, struct thread *thread, struct script *script,
                 struct error *e);

#endif
