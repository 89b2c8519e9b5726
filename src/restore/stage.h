/* Everything that scripts refer to by descriptor, opened once in the builder. */
#ifndef STASIS_RESTORE_STAGE_H
#define STASIS_RESTORE_STAGE_H

#include "restore/tree.h"

/* Opens every file of the image and every segment of shared memory, at descriptors above all that
 * the image has, and gives mappings theirs. Files are opened by the caller's root and namespaces;
 * everything else may run anywhere. 0, or -1 with *e; unstage_all closes what was opened. */
int stage_files(struct tree *tree, struct error *e);
int stage_memory(struct tree *tree, struct error *e);
void unstage_all(struct tree *tree);

#endif
