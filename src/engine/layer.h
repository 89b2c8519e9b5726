/* The layer store: each layer is unpacked once, under the first half of its diff id's digits.
 *
 * layers/KEY is the content with overlayfs's whiteouts, KEY.json its diff id and sizes, KEY.tar.zst
 * the tar it came as, so that it can be given away again byte for byte. A layer is unpacked beside
 * (a draft) and becomes part of the store together with the image that needs it, under the lock of
 * image.h. */
#ifndef STASIS_ENGINE_LAYER_H
#define STASIS_ENGINE_LAYER_H

#include "engine/layer_tar.h"
#include "engine/store.h"

#define LAYER_KEY_SIZE 33
#define DIGEST_SIZE 72 /* "sha256:", 64 digits and a zero */

struct layer_draft {
    char beside[80]; /* its directory below the data root; "": none */
    char diff_id[DIGEST_SIZE];
    long long size;     /* of its files */
    long long tar_size; /* without compression */
};

/* Unpacks a layer whose tar (plain, gzip, xz or zstd) `tar` gives. Where `expected` is not NULL,
 * another diff id is EINVAL. To be given to layer_draft_drop in the end, published or not. */
int layer_unpack(struct engine *engine, int tar, const char *expected, struct layer_draft *draft,
                 struct error *e);
void layer_draft_drop(struct engine *engine, struct layer_draft *draft);

/* Makes it part of the store, if it is not there yet. The caller holds the lock. */
int layer_publish(struct engine *engine, const struct layer_draft *draft, struct error *e);

/* Is there such a layer? Size of its files, 0 where there is none. */
bool layer_exists(const struct engine *engine, const char *diff_id);
long long layer_size(const struct engine *engine, const char *diff_id);

/* Name below layers/ of a diff id, which must be a valid digest. */
void layer_key(const char *diff_id, char key[LAYER_KEY_SIZE]);
bool is_digest(const char *text);

/* Writes the layer's original tar, uncompressed, as file `path` of an archive. */
int layer_copy_tar(struct engine *engine, const char *diff_id, struct layer_writer *to,
                   const char *path, struct error *e);

/* Removes the layer of this key. The caller holds the lock and knows that nothing needs it. */
int layer_remove(struct engine *engine, const char *key, struct error *e);

/* "sha256:..." of bytes. */
void digest_of(const void *data, size_t size, char digest[DIGEST_SIZE]);

#endif
