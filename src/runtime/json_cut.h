/* Takes a part out of a JSON text without building values of it. */
#ifndef STASIS_RUNTIME_JSON_CUT_H
#define STASIS_RUNTIME_JSON_CUT_H

#include "base/arena.h"

/* Finds text[outer][inner], returns a copy of that value's text and puts `null` in its place. NULL
 * and no change if there is none, or if the text is not as expected: whoever parses the rest, and
 * the value, says what is wrong with them. RFC 8259. */
char *json_cut(char *text, const char *outer, const char *inner, struct arena *arena);

#endif
