/* A visit of the calling thread to another process's namespaces. See setns(2). */
#ifndef STASIS_KERNEL_NSVISIT_H
#define STASIS_KERNEL_NSVISIT_H

#include <sys/types.h>

#include "base/error.h"

enum { NSVISIT_TYPES = 4 };

struct nsvisit {
    int home[NSVISIT_TYPES]; /* the caller's own namespaces, -1: not away in such a one */
};

/* Enters the namespaces of `flags` (CLONE_NEWUTS, NEWIPC, NEWNET, NEWCGROUP) that the process
 * behind `pidfd` lives in. Only the calling thread goes. 0, or -1 with *e and nothing changed. */
int nsvisit_begin(struct nsvisit *visit, int pidfd, int flags, struct error *e);

/* Goes home, if away. Ends the program if the kernel refuses: in a stranger's namespaces nothing
 * that follows would be right. */
void nsvisit_end(struct nsvisit *visit);

#define AUTO_NSVISIT __attribute__((cleanup(nsvisit_end)))

#endif
