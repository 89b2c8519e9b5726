/* The data root: where things lie, and the small tools that read and replace them.
 *
 *   containers/ID/   one container (see record.h)
 *   names/NAME       link to the ID of the container with this name
 *   images/          index.json (names), HEX.json (image configurations)
 *   layers/KEY       unpacked layers; KEY.json tells diff id and size
 *   volumes/NAME/    _data and volume.json
 *   exec/ID.json     exec sessions
 *   cache/seccomp/   compiled filters
 *   merged           where every monitor mounts its container, in a namespace of its own
 *   trash/           what is being made or removed
 */
#ifndef STASIS_ENGINE_STORE_H
#define STASIS_ENGINE_STORE_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "engine/engine.h"

/* A client that attached before its container was started: see attach.c. */
struct waiting_client {
    char id[ENGINE_ID_SIZE];
    int fd;
    int streams;
    struct waiting_client *next;
};

struct engine {
    char *data_root; /* absolute */
    int root;        /* descriptor of data_root */
    const char *driver;
    const char *version;
    pthread_mutex_t waiting_mutex; /* guards waiting */
    struct waiting_client *waiting;
};

/* Creates `path`'s lock file below `dir` where missing and takes its lock, flock(2): shared or
 * exclusive, waiting or not (then -1 with e->code EBUSY). A descriptor whose closing unlocks. */
enum lock_mode { LOCK_WAIT, LOCK_TRY };
int lock_file_at(int dir, const char *path, enum lock_mode mode, struct error *e);

/* Is the lock of `path` held by somebody? False also where there is no such file. */
bool lock_is_held_at(int dir, const char *path);

/* Reads or replaces a JSON file. json_read_at: a new reference, or NULL (e->code ENOENT where the
 * file is missing). */
json_t *json_read_at(int dir, const char *path, struct error *e);
int json_replace_at(int dir, const char *path, const json_t *json, struct error *e);

/* The member `key` of an object as text, "" if it is missing; as truth; as a number. */
const char *json_text(const json_t *object, const char *key);
bool json_truth(const json_t *object, const char *key);
json_int_t json_number(const json_t *object, const char *key);
bool json_is_empty(const json_t *value); /* NULL, null, "", [] or {} */

/* Are all items of this array strings (NULL and null: yes)? `what` names it in the error. */
int json_check_strings(const json_t *array, const char *what, struct error *e);

/* {"k":["v"]} and {"k":{"v":true}}: does filter `key` allow `value`? Yes where it is not given. */
bool filter_allows(const json_t *filters, const char *key, const char *value);
bool filter_is_given(const json_t *filters, const char *key);
/* The values of a filter, one after another: for (it = NULL; (v = filter_next(f, key, &it));) */
const char *filter_next(const json_t *filters, const char *key, size_t *position);

#define TIME_TEXT_SIZE 40
/* Now, as RFC 3339 in UTC with nanoseconds. */
void write_time_now(char text[TIME_TEXT_SIZE]);
/* Seconds since 1970 of such a text; 0 if it is none. */
long long read_time(const char *text);

/* 64 random hexadecimal digits. getrandom(2). */
void write_random_id(char id[ENGINE_ID_SIZE]);

/* Moves `path` (below the data root) out of the way at once, then removes it piece by piece. */
int discard(const struct engine *engine, const char *path, struct error *e);

/* Removes what processes that died have left in trash/: whatever was begun more than a day ago. */
void discard_leftovers(const struct engine *engine);

/* Removes what lies in the trash since more than an hour: left by processes that were killed. */
void sweep_trash(const struct engine *engine);

/* Opens a directory below `dir`, made with all its parents where missing. */
int open_directory_at(int dir, const char *path, bool make, struct error *e);

/* Are these 64 hexadecimal digits? Is every character one? */
bool is_full_id(const char *text);
bool is_hexadecimal(const char *text);

#endif
