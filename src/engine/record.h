/* The record of one container: containers/ID/.
 *
 *   container.json   what it is: made by create, changed by rename alone
 *   state.json       what it does now: replaced under `lock`
 *   exit             number of runs that ended and last exit code, in fixed width, written in place
 *                    so that a reader who holds it open learns it even after the removal
 *   lock             held while the state changes; monitor.lock while its monitor lives;
 *                    checkpoint.lock while it is checkpointed
 *   ID-json.log, hostname, hosts, resolv.conf, config.json (OCI), attach.sock
 *   upper, work (overlay) or rootfs (vfs); checkpoints/NAME/
 */
#ifndef STASIS_ENGINE_RECORD_H
#define STASIS_ENGINE_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/store.h"

struct container {
    struct engine *engine;
    char id[ENGINE_ID_SIZE];
    int dir;        /* descriptor of containers/ID */
    int lock;       /* of `lock`, or -1 */
    json_t *config; /* container.json */
    json_t *state;  /* state.json */
};

/* Opens the container that `ref` means and reads its record. A monitor that died without a word is
 * noticed here: the container is then marked as exited and what is left of it removed. 0 or -1;
 * container_close is safe in both cases. */
int container_open(struct container *container, struct engine *engine, const char *ref,
                   struct error *e);
/* The same with its lock held, so that the state cannot change. */
int container_open_locked(struct container *container, struct engine *engine, const char *ref,
                          struct error *e);
void container_close(struct container *container);
#define AUTO_CONTAINER __attribute__((cleanup(container_close)))

/* Takes or gives back its lock. Taking it reads the state anew. */
int container_lock(struct container *container, struct error *e);
void container_unlock(struct container *container);

int container_read_state(struct container *container, struct error *e);
int container_write_state(struct container *container, struct error *e);
/* Notes the end of a run with this exit code: exit file, then state.json. */
int container_write_exit(struct container *container, int exit_code, const char *error,
                         struct error *e);

/* "created", "running", "paused", "exited", "removing" */
const char *container_status(const struct container *container);
bool container_is_running(const struct container *container); /* or paused */

const char *container_name(const struct container *container);
/* Path of its cgroups (linux.cgroupsPath). */
void container_cgroup(const struct container *container, char path[256]);
/* Absolute path of containers/ID/`file`. */
char *container_path(const struct container *container, struct arena *arena, const char *file);

/* Reads the exit file: number of ended runs, exit code of the last. 0, 0 where there is none. */
void read_exit_file(int fd, long long *ended, int *code);

#endif
