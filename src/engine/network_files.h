/* /etc/hostname, /etc/hosts and /etc/resolv.conf of a container, bind-mounted from its record. */
#ifndef STASIS_ENGINE_NETWORK_FILES_H
#define STASIS_ENGINE_NETWORK_FILES_H

#include "engine/record.h"

int network_files_write(struct container *container, struct error *e);

/* Appends their OCI mounts. */
void network_files_append_mounts(const struct container *container, json_t *mounts);

#endif
