/* Mount options as words ("ro,nosuid"), as MS_* of images, and as MOUNT_ATTR_*. mount_setattr(2) */
#ifndef STASIS_OBJECTS_MOUNT_OPTIONS_H
#define STASIS_OBJECTS_MOUNT_OPTIONS_H

#include <stdint.h>

#include "base/arena.h"

/* MS_* of the options of one mount; words that are none are left out. */
uint32_t mount_flags_of(const char *options);

/* Splits options of a file system: *flags gets the MS_* among them, the result is the rest, joined
 * by commas, in the arena. */
const char *super_options_split(struct arena *arena, const char *options, uint32_t *flags);

/* The attributes that say the same as MS_* `flags`. All others are to be cleared. */
uint64_t mount_attributes_of(uint32_t flags);

#endif
