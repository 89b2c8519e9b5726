/* config.json as the rest of this room reads it: checked once, here, then trusted.
 *
 * Strings belong to the JSON document, arrays to the arena. OCI runtime specification 1.0.2. */
#ifndef STASIS_RUNTIME_SPEC_H
#define STASIS_RUNTIME_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

struct strings {
    const char **items;
    size_t count, capacity;
};

/* Sets of capabilities, one bit per CAP_ number. capabilities(7). */
struct capability_sets {
    uint64_t bounding, effective, permitted, inheritable, ambient;
    bool given; /* false: the process keeps what the caller has */
};

struct resource_limit {
    int resource;
    uint64_t soft, hard;
};

/* The OCI `process` object. */
struct process_spec {
    const char **args, **env; /* end with NULL */
    const char *cwd;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t groups_count;
    int umask; /* -1: not given */
    int oom_score_adj;
    bool sets_oom_score_adj, no_new_privileges, terminal;
    struct capability_sets capabilities;
    struct resource_limit *limits;
    size_t limits_count;
};

struct mount_spec {
    const char *destination, *type, *source; /* type and source are never NULL */
    struct strings options;
};

struct device_spec {
    const char *path;
    mode_t mode; /* with the type, as mknod(2) takes it */
    dev_t number;
    uid_t uid;
    gid_t gid;
};

struct namespace_path {
    uint64_t flag; /* CLONE_NEW... */
    const char *path;
};

struct spec {
    json_t *document;
    const char *rootfs; /* absolute */
    bool rootfs_readonly;
    unsigned long rootfs_propagation; /* MS_..., never 0 */
    const char *hostname, *domainname;
    struct process_spec process;
    struct mount_spec *mounts;
    size_t mounts_count;
    struct device_spec *devices;
    size_t devices_count;
    struct namespace_path *joined; /* namespaces that exist already */
    size_t joined_count;
    uint64_t new_namespaces; /* CLONE_NEW... flags */
    const char *cgroups_path;
    json_t *resources, *sysctl; /* borrowed from the document; may be NULL */
    const char *seccomp; /* linux.seccomp as text, not parsed: mostly it need not be; or NULL */
    struct strings masked_paths, readonly_paths;
};

/* Reads and checks BUNDLE/config.json. spec_close releases the document. 0 or -1. */
int spec_open(struct spec *spec, const char *bundle, struct arena *arena, struct error *e);
void spec_close(struct spec *spec);
#define AUTO_SPEC __attribute__((cleanup(spec_close)))

/* Reads an OCI `process` object, which must outlive the result. */
int spec_read_process(struct process_spec *process, json_t *json, struct arena *arena,
                      struct error *e);

/* Adds every string of a JSON array (NULL: none); `what` names it in errors. */
int spec_read_strings(struct strings *strings, json_t *json, struct arena *arena, const char *what,
                      struct error *e);

/* Parses `text` as JSON; `what` names it in errors. A new reference, or NULL. */
json_t *spec_parse(const char *text, const char *what, struct error *e);

/* Is the namespace with this CLONE_NEW... flag not the caller's? */
bool spec_has_own(const struct spec *spec, uint64_t flag);

#endif
