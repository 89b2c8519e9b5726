/* The files of one cgroup controller, as limits are written to them. */
#ifndef STASIS_RUNTIME_CGROUP_CONTROLLER_H
#define STASIS_RUNTIME_CGROUP_CONTROLLER_H

#include "runtime/cgroup.h"

/* Where one controller's files are: its v1 hierarchy, else the v2 one. */
struct controller {
    const char *name;
    int directory;
    bool v2;
};

int cgroup_open_controller(struct controller *controller, const struct cgroup *cgroup,
                           const char *name, struct error *e);
void cgroup_close_controller(const struct controller *controller);
#define AUTO_CONTROLLER __attribute__((cleanup(cgroup_close_controller)))

bool cgroup_has_file(const struct controller *controller, const char *file);

/* Writes a limit; a negative number is "max" on v2. 0 or -1. */
int cgroup_set_text(const struct controller *controller, const char *file, const char *value,
                    struct error *e);
int cgroup_set_number(const struct controller *controller, const char *file, json_int_t value,
                      struct arena *arena, struct error *e);

/* A member of an object; 0 and absence mean the same: leave it. */
json_int_t cgroup_json_number(const json_t *object, const char *key);

/* cgroup_block.c: linux.resources.blockIO. */
int cgroup_set_block_limits(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                            struct error *e);

#endif
