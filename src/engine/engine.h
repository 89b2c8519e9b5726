/* Containers, images, volumes, logs and checkpoints under one data root.
 *
 * A `struct engine` names a data root and never changes after engine_open: several threads, and
 * several processes with the same data root, may use it at once. Nothing needs a daemon.
 *
 * JSON is the Docker Engine API's (1.43): what a function returns as json_t is a new reference that
 * the caller owns, what it is given stays the caller's. `ref` is a name, an id or a unique prefix
 * of an id. All functions return 0 (or what they say) or -1 / NULL with *e, whose text is fit for a
 * user and whose code says what HTTP status it is:
 *   ENOENT        404 no such container, image, checkpoint, volume, exec session
 *   EINVAL        400 bad parameter; also a command that could not be executed
 *   EEXIST, EBUSY 409 name in use, wrong state, in use
 *   EALREADY      304 already started, already stopped
 *   ECANCELED     the cancel descriptor became readable
 *   anything else 500
 */
#ifndef STASIS_ENGINE_ENGINE_H
#define STASIS_ENGINE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct engine;

struct engine_options {
    const char *data_root;      /* NULL: /var/lib/stasis */
    const char *storage_driver; /* "overlay" (also "overlay2"), "vfs", or NULL: what works */
    const char *version;        /* program version for info and version; stays the caller's */
};

#define ENGINE_ID_SIZE 65 /* 64 hexadecimal digits and a zero */

/* Opens a data root, making it where missing. Cheap: no directory is scanned. */
struct engine *engine_open(const struct engine_options *options, struct error *e);
void engine_close(struct engine *engine);

/* Bodies of GET /info and of GET /version (without the API version fields). */
json_t *engine_info(struct engine *engine, struct error *e);
json_t *engine_version(struct engine *engine, struct error *e);

/* ------------------------------------------------------------------ containers */

/* `body` is that of POST /containers/create: the fields of Config, HostConfig, NetworkingConfig.
 * `name` may be NULL. Fills id; *warnings (may be NULL) gets an array of strings. A missing image
 * is ENOENT `No such image: x:latest`. */
int engine_container_create(struct engine *engine, const char *name, const json_t *body,
                            char id[ENGINE_ID_SIZE], json_t **warnings, struct error *e);

/* Full id of the container that `ref` means. ENOENT; EINVAL where several ids begin so. */
int engine_container_resolve(struct engine *engine, const char *ref, char id[ENGINE_ID_SIZE],
                             struct error *e);

struct engine_list {
    bool all;              /* stopped ones too (implied by a status filter) */
    int limit;             /* the newest n of any state; 0: no limit */
    bool size;             /* with SizeRw and SizeRootFs */
    const json_t *filters; /* {"name":["x"],"status":["exited"],...} or {"name":{"x":true}}; NULL */
};

/* Array of container summaries as of GET /containers/json, newest first. */
json_t *engine_container_list(struct engine *engine, const struct engine_list *query,
                              struct error *e);

/* Body of GET /containers/{id}/json. */
json_t *engine_container_inspect(struct engine *engine, const char *ref, bool size,
                                 struct error *e);

/* EALREADY when it runs. */
int engine_container_start(struct engine *engine, const char *ref, struct error *e);

/* `signal` NULL: the container's StopSignal. `timeout` in seconds until SIGKILL, -1: the
 * container's StopTimeout or 10. EALREADY when it does not run. */
int engine_container_stop(struct engine *engine, const char *ref, const char *signal, int timeout,
                          struct error *e);
int engine_container_restart(struct engine *engine, const char *ref, const char *signal,
                             int timeout, struct error *e);

/* `signal` is a name with or without SIG, a number, or NULL for SIGKILL. */
int engine_container_kill(struct engine *engine, const char *ref, const char *signal,
                          struct error *e);
int engine_container_pause(struct engine *engine, const char *ref, struct error *e);
int engine_container_unpause(struct engine *engine, const char *ref, struct error *e);
int engine_container_rename(struct engine *engine, const char *ref, const char *name,
                            struct error *e);
int engine_container_remove(struct engine *engine, const char *ref, bool force, bool volumes,
                            struct error *e);

/* {"Titles":[...],"Processes":[[...]]}. `ps_args` NULL: "-ef"; with "aux" those columns. */
json_t *engine_container_top(struct engine *engine, const char *ref, const char *ps_args,
                             struct error *e);

/* Body of POST /containers/prune and of its like for images. */
json_t *engine_container_prune(struct engine *engine, const json_t *filters, struct error *e);

/* Waiting has two steps, because `docker run` waits before it starts: engine_wait_begin notes the
 * present run, engine_wait_finish blocks. `condition` is "not-running" (also NULL), "next-exit" or
 * "removed". engine_wait_finish always frees `wait`. cancel_fd: a descriptor, or -1. */
struct engine_wait;
struct engine_wait *engine_wait_begin(struct engine *engine, const char *ref, const char *condition,
                                      struct error *e);
int engine_wait_finish(struct engine_wait *wait, int cancel_fd, int *exit_code, struct error *e);

struct engine_logs {
    bool out, err;     /* which streams */
    bool follow;       /* go on until the container ends */
    bool timestamps;   /* each line begins with its time */
    const char *since; /* Docker's forms: seconds[.nanoseconds]; NULL */
    const char *until;
    const char *tail; /* "all", a number of lines, or NULL */
};

/* Takes `size` bytes of stream 1 (stdout) or 2 (stderr). Returns false to end the reading. */
typedef bool engine_sink(void *context, int stream, const void *data, size_t size);

/* Hands the log to `sink` line by line (a line longer than 16 KiB in pieces). Blocks while it
 * follows. */
int engine_container_logs(struct engine *engine, const char *ref, const struct engine_logs *query,
                          engine_sink *sink, void *context, int cancel_fd, struct error *e);

struct engine_attach {
    bool in, out, err; /* which streams are joined */
    bool logs;         /* for the caller: engine_container_logs has what came before */
};

/* A stream socket to the container's standard streams. What is read from it has Docker's frames (8
 * bytes: stream, 0, 0, 0, big-endian length; then the data), what is written to it is plain stdin,
 * whose end is shutdown(SHUT_WR). End of file on it: the container has ended. Works on a container
 * that is not running yet: the stream begins with its next start. The caller closes it. -1: *e. */
int engine_container_attach(struct engine *engine, const char *ref,
                            const struct engine_attach *streams, struct error *e);

/* Clients that attached before the start wait in the engine of their process. Where another process
 * is to do the start, they are taken out here and given to the engine there.
 *
 * Takes at most `limit` of them, whose descriptors are the caller's then; returns how many. */
struct engine_client {
    int fd;
    int streams; /* meant for engine_clients_give alone */
};
size_t engine_clients_take(struct engine *engine, const char *ref, struct engine_client *clients,
                           size_t limit);
/* The descriptors are the engine's then, also after an error. 0 or -1. */
int engine_clients_give(struct engine *engine, const char *ref, const struct engine_client *clients,
                        size_t count, struct error *e);

/* ------------------------------------------------------------------ exec sessions */

/* `config` is the body of POST /containers/{id}/exec. A terminal is EINVAL for now. */
int engine_exec_create(struct engine *engine, const char *ref, const json_t *config,
                       char id[ENGINE_ID_SIZE], struct error *e);

/* Starts it. With `stream` not NULL, *stream is a socket as engine_container_attach gives; NULL:
 * detached. EINVAL if the command cannot be executed. */
int engine_exec_start(struct engine *engine, const char *exec_id, int *stream, struct error *e);

/* Body of GET /exec/{id}/json: Running, ExitCode, Pid, ContainerID, ProcessConfig... */
json_t *engine_exec_inspect(struct engine *engine, const char *exec_id, struct error *e);

/* ------------------------------------------------------------------ checkpoints */

/* A checkpoint lies in <data root>/containers/<id>/checkpoints/<name>, or in <directory>/<name>
 * (--checkpoint-dir), or right in <image_dir> (--image-dir of Docker 1.10). `name` NULL: the
 * default one. Paths are absolute. */
struct engine_checkpoint {
    const char *name;
    const char *directory;
    const char *image_dir;
    const char *work_dir; /* where dump.log and restore.log go; NULL: with the images */
    bool leave_running;   /* create only */
    bool ignore_rootfs;   /* changes of the container's files are not kept, or not applied */
    bool force;           /* restore only: also where the container has no checkpoint of its own */
};

int engine_checkpoint_create(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *checkpoint, struct error *e);
/* [{"Name":"x"},...] of a container; `directory` as above or NULL. */
json_t *engine_checkpoint_list(struct engine *engine, const char *ref, const char *directory,
                               struct error *e);
int engine_checkpoint_remove(struct engine *engine, const char *ref, const char *name,
                             const char *directory, struct error *e);

/* Starts a container from a checkpoint. EBUSY when it runs. `docker start --checkpoint` sets
 * force: the name says which checkpoint. */
int engine_container_restore(struct engine *engine, const char *ref,
                             const struct engine_checkpoint *checkpoint, struct error *e);

/* ------------------------------------------------------------------ images */

/* Array as of GET /images/json. */
json_t *engine_image_list(struct engine *engine, const json_t *filters, bool all, struct error *e);
json_t *engine_image_inspect(struct engine *engine, const char *ref, struct error *e);
json_t *engine_image_history(struct engine *engine, const char *ref, struct error *e);

#define ENGINE_IMAGE_ID_SIZE 72 /* "sha256:", 64 digits and a zero */

/* Makes an image of the tar (plain, gzip, xz or zstd) that `tar` gives, named `reference`
 * ("repo[:tag]", or NULL). `changes` is an array of Dockerfile lines ("CMD [\"sh\"]") or NULL. */
int engine_image_import(struct engine *engine, int tar, const char *reference,
                        const json_t *changes, const char *message, char id[ENGINE_IMAGE_ID_SIZE],
                        struct error *e);

/* Loads every image of a `docker save` archive or an OCI layout. *loaded gets an array of the
 * lines Docker prints: "Loaded image: busybox:latest". */
int engine_image_load(struct engine *engine, int tar, json_t **loaded, struct error *e);

/* Writes a `docker save` archive of the images (an array of references) to `tar`. */
int engine_image_save(struct engine *engine, const json_t *references, int tar, struct error *e);

int engine_image_tag(struct engine *engine, const char *ref, const char *repository,
                     const char *tag, struct error *e);

/* *report gets the body of DELETE /images/{name}: [{"Untagged":"..."},{"Deleted":"..."}]. */
int engine_image_remove(struct engine *engine, const char *ref, bool force, json_t **report,
                        struct error *e);

/* Builds a small image from the machine's static busybox (`program` NULL: /bin/busybox) and names
 * it `reference` (NULL: busybox:latest). */
int engine_image_busybox(struct engine *engine, const char *program, const char *reference,
                         char id[ENGINE_IMAGE_ID_SIZE], struct error *e);

/* ------------------------------------------------------------------ volumes */

/* Bodies of POST /volumes/create, GET /volumes/{name}, GET /volumes. */
json_t *engine_volume_create(struct engine *engine, const json_t *body, struct error *e);
json_t *engine_volume_inspect(struct engine *engine, const char *name, struct error *e);
json_t *engine_volume_list(struct engine *engine, const json_t *filters, struct error *e);
int engine_volume_remove(struct engine *engine, const char *name, bool force, struct error *e);

#endif
