/* Seccomp profiles in Docker's format, as --security-opt seccomp=... gives them. */
#ifndef STASIS_ENGINE_SECCOMP_PROFILE_H
#define STASIS_ENGINE_SECCOMP_PROFILE_H

#include <jansson.h>

#include "base/error.h"

/* Turns the profile (JSON text) into linux.seccomp for a process with these capabilities: rules
 * that are for other processors, kernels or capabilities are left out. NULL: *e. */
json_t *seccomp_profile_read(const char *profile, const json_t *capabilities, struct error *e);

#endif
