/* Names of images: [HOST[:PORT]/]PATH[:TAG], in the grammar of the OCI distribution specification.
 *
 * The normal form is what Docker shows: without `docker.io/` and `library/`, with a tag. */
#ifndef STASIS_ENGINE_REFERENCE_H
#define STASIS_ENGINE_REFERENCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/* Brings "x", "docker.io/library/x" to "x:latest"; the text is the arena's. EINVAL where it cannot
 * be a name. A digest behind `@` is no name of an image here: EINVAL too. */
char *reference_normal(struct arena *arena, const char *name, struct error *e);

/* Does it end with a tag? (A port is none.) */
bool reference_has_tag(const char *name);

/* Length of the part of a normal form before the tag. */
int reference_repository_length(const char *normal);

/* Does the normal form match a shell pattern (fnmatch(3)), as a whole or without its tag? */
bool reference_matches(const char *normal, const char *pattern);

#endif
