/* The image store: configurations by id, and names that point to ids.
 *
 * images/HEX.json is an image's configuration, byte for byte: its SHA-256 is the id.
 * images/index.json maps "repository:tag" to ids; it is replaced under images/lock. */
#ifndef STASIS_ENGINE_IMAGE_H
#define STASIS_ENGINE_IMAGE_H

#include "engine/layer.h"
#include "engine/store.h"

struct image {
    char id[DIGEST_SIZE];
    json_t *config; /* the whole configuration: config, rootfs, history, ... */
};

/* Finds and reads an image by name, "repository:tag", id or prefix of an id. 0, or -1 with ENOENT
 * `No such image: x:latest`. image_release is safe in both cases. */
int image_find(struct image *image, struct engine *engine, const char *ref, struct error *e);
void image_release(struct image *image);
#define AUTO_IMAGE __attribute__((cleanup(image_release)))

/* Diff ids from the lowest layer up: an array that belongs to the image. */
json_t *image_layers(const struct image *image);
long long image_size(const struct engine *engine, const struct image *image);
/* All names of an id: a new array. */
json_t *image_names(struct engine *engine, const char *id);

/* Stores a configuration whose layers are there, named `name` (normal form, or NULL). */
int image_store(struct engine *engine, const char *config, size_t size, const char *name,
                char id[DIGEST_SIZE], struct error *e);

/* Brings "x", "docker.io/library/x" to "x:latest". EINVAL where it cannot be a name. */
char *image_normal_name(struct arena *arena, const char *name, struct error *e);

/* The names of all images, {"repository:tag": id}: a new object, empty where there is none. */
json_t *image_index(struct engine *engine, struct error *e);

/* Changes the index under its lock: `id` NULL removes the name. */
int image_set_name(struct engine *engine, const char *name, const char *id, struct error *e);

#endif
