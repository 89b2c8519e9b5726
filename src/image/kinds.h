/* Names and magic numbers of image files, by kind. Private to the room. */
#ifndef STASIS_IMAGE_KINDS_H
#define STASIS_IMAGE_KINDS_H

#include <stdint.h>

#include "image/image.h"

enum { IMG_COMMON_MAGIC = 0x54564319, IMG_SERVICE_MAGIC = 0x55105940 };

struct image_format {
    const char *name; /* printf format: at most one %u */
    uint32_t common;  /* first word: images' or service files'; 0: none */
    uint32_t magic;
};

const struct image_format *image_format_of(enum image_kind kind);

#endif
