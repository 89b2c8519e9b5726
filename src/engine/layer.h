/* The layer store: each layer is unpacked once, under the first half of its diff id's digits.
 *
 * layers/KEY is the content with overlayfs's whiteouts, KEY.json its diff id and size, KEY.tar.zst
 * the tar it came as, so that it can be given away again byte for byte. */
#ifndef STASIS_ENGINE_LAYER_H
#define STASIS_ENGINE_LAYER_H

#include "engine/store.h"

#define LAYER_KEY_SIZE 33
#define DIGEST_SIZE 72 /* "sha256:", 64 digits and a zero */

/* Adds the layer whose tar (plain or compressed) `tar` gives. Fills its diff id. Where `expected`
 * is not NULL, another diff id is an error. An already known layer is only verified. */
int layer_add(struct engine *engine, int tar, const char *expected, char diff_id[DIGEST_SIZE],
              struct error *e);

/* Is there such a layer? */
bool layer_exists(const struct engine *engine, const char *diff_id);
long long layer_size(const struct engine *engine, const char *diff_id);

/* Name below layers/ of a diff id, which must be a valid digest. */
void layer_key(const char *diff_id, char key[LAYER_KEY_SIZE]);
bool is_digest(const char *text);

/* Writes the original, uncompressed tar to a new unnamed file; its descriptor and *size. */
int layer_open_tar(struct engine *engine, const char *diff_id, long long *size, struct error *e);

int layer_remove(struct engine *engine, const char *diff_id, struct error *e);

/* "sha256:..." of bytes. */
void digest_of(const void *data, size_t size, char digest[DIGEST_SIZE]);

#endif
