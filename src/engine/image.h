/* The image store: configurations by id, and names that point to ids.
 *
 * images/HEX.json is an image's configuration, byte for byte: its SHA-256 is the id.
 * images/index.json maps "repository:tag" to ids. What changes any of it, or the layers, holds
 * images/lock; reading needs no lock, since files are replaced as a whole. */
#ifndef STASIS_ENGINE_IMAGE_H
#define STASIS_ENGINE_IMAGE_H

#include "engine/layer.h"
#include "engine/store.h"

struct image {
    char id[DIGEST_SIZE];
    json_t *config; /* the whole configuration: config, rootfs, history, ... */
};

/* Finds and reads an image by name, "repository:tag", id or prefix of an id; image_read by its id,
 * a digest. 0, or -1 with ENOENT `No such image: x:latest`. image_release is safe in both cases. */
int image_find(struct image *image, struct engine *engine, const char *ref, struct error *e);
int image_read(struct image *image, struct engine *engine, const char *id, struct error *e);
void image_release(struct image *image);
#define AUTO_IMAGE __attribute__((cleanup(image_release)))

bool image_exists(const struct engine *engine, const char *id);

/* Calls `visit` for each image that is not damaged, in no order. */
typedef void image_visitor(void *context, const struct image *image);
int image_for_each(struct engine *engine, image_visitor *visit, void *context, struct error *e);

/* Diff ids from the lowest layer up: an array of digests that belongs to the image. */
json_t *image_layers(const struct image *image);
long long image_size(const struct engine *engine, const struct image *image);

/* A descriptor whose closing unlocks the store. Also held while a container is recorded, so that
 * its image cannot be removed in between. */
int image_lock(const struct engine *engine, struct error *e);

struct new_image {
    const char *config; /* its bytes */
    size_t size;
    const struct layer_draft *drafts; /* layers that may be new */
    size_t draft_count;
    const json_t *names; /* in normal form; NULL: none */
};

/* Checks the configuration and makes the image, its layers and names part of the store. Takes the
 * lock. EAGAIN: a layer that is in no draft is not there (any more). */
int image_publish(struct engine *engine, const struct new_image *made, char id[DIGEST_SIZE],
                  struct error *e);

/* The names of all images, {"repository:tag": id}: a new object, empty where there is none. */
json_t *image_index(struct engine *engine, struct error *e);
/* Those of one id: a new array. */
json_t *image_names(const json_t *index, const char *id);

/* Points all these names to `id`; NULL removes them. The caller holds the lock. */
int image_set_names(struct engine *engine, const json_t *names, const char *id, struct error *e);

#endif
