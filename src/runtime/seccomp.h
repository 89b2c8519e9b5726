/* System call filters. OCI linux.seccomp; seccomp(2), libseccomp's seccomp_rule_add(3). */
#ifndef STASIS_RUNTIME_SECCOMP_H
#define STASIS_RUNTIME_SECCOMP_H

#include <jansson.h>
#include <linux/filter.h>

#include "base/arena.h"
#include "base/error.h"

/* A compiled filter; the instructions are the arena's. None: `length` is 0. */
struct seccomp_filter {
    struct sock_filter *instructions;
    unsigned short length;
    unsigned flags; /* SECCOMP_FILTER_FLAG_... */
};

/* The filter of a profile (JSON text; NULL: none), compiled, or taken from the directory `cache`
 * (NULL: not kept), where it is left for the next time. 0 or -1. */
int seccomp_prepare(struct seccomp_filter *filter, const char *profile, const char *cache,
                    struct arena *arena, struct error *e);

/* seccomp_compile.c: the filter of a parsed profile. */
int seccomp_compile(struct seccomp_filter *filter, json_t *profile, struct arena *arena,
                    struct error *e);

/* A place for a filter that a process and its children share: memory of mmap(2), given back by
 * seccomp_unshare. NULL with *e. seccomp_share puts a filter there, seccomp_shared takes it. */
struct shared_filter;
struct shared_filter *seccomp_make_shared(struct error *e);
void seccomp_share(struct shared_filter *shared, const struct seccomp_filter *filter);
struct seccomp_filter seccomp_shared(struct shared_filter *shared);
void seccomp_unshare(struct shared_filter *shared);

/* Puts the filter on the calling process, which has no_new_privs set or CAP_SYS_ADMIN. */
int seccomp_apply(const struct seccomp_filter *filter, struct error *e);

#endif
