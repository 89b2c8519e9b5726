/* Where a checkpoint lies, and how it comes to lie there whole or not at all.
 *
 * A checkpoint is a directory with the core's images, rootfs-diff.tar if files were changed, and
 * checkpoint.json: of what container it is, and size and digest of every file, so that what is
 * missing, cut or damaged is found before a restore begins. */
#ifndef STASIS_ENGINE_CHECKPOINT_PLACE_H
#define STASIS_ENGINE_CHECKPOINT_PLACE_H

#include "engine/record.h"

#define CHECKPOINT_DEFAULT_NAME "default"
#define CHECKPOINT_ROOTFS "rootfs-diff.tar"

struct checkpoint_place {
    int parent;      /* descriptor of the directory that holds the checkpoint's */
    char name[256];  /* its name there */
    char path[4096]; /* for errors */
    bool replaces;   /* an older checkpoint may be there and gives way */
};

/* Finds the place that a request means; with `make`, missing directories above it are made.
 * ENOENT where they are missing. checkpoint_place_close is safe in both cases. */
int checkpoint_place_open(struct checkpoint_place *place, const struct container *container,
                          const struct engine_checkpoint *request, bool make, struct error *e);
void checkpoint_place_close(struct checkpoint_place *place);
#define AUTO_PLACE __attribute__((cleanup(checkpoint_place_close)))

/* May a checkpoint be made here? EEXIST where one of this name is, EBUSY where the directory holds
 * something else. */
int checkpoint_place_check_free(const struct checkpoint_place *place,
                                const struct container *container, struct error *e);

/* Makes the directory beside the place where the files gather; what an interrupted attempt left
 * there is removed first. A descriptor. */
int checkpoint_begin(const struct checkpoint_place *place, const struct container *container,
                     struct error *e);

/* Keeps room on the disk for checkpoint.json: after the tree was killed it must not fail. */
int checkpoint_reserve(int dir, struct error *e);

/* Completes checkpoint.json with sizes and digests of all files and moves the directory to its
 * place. `replaced` gets the path (below the data root) of an older one that is now to be removed,
 * or "". */
int checkpoint_publish(const struct checkpoint_place *place, const struct container *container,
                       int dir, json_t *about, char replaced[80], struct error *e);
void checkpoint_abandon(const struct checkpoint_place *place, const struct container *container);

/* Opens the checkpoint there and verifies every file. *about gets checkpoint.json. A descriptor. */
int checkpoint_open(const struct checkpoint_place *place, json_t **about, struct error *e);

#endif
