/* Parts of a container's description that list and inspect share. */
#ifndef STASIS_ENGINE_DESCRIBE_H
#define STASIS_ENGINE_DESCRIBE_H

#include "engine/record.h"

/* NetworkSettings.Networks: {"none": {...}}; a new object. */
json_t *describe_networks(const struct container *container);

/* Adds SizeRw and SizeRootFs. */
void describe_sizes(const struct container *container, json_t *object);

#endif
