/* The engine as the commands see it: requests of the Docker Engine API and their answers.
 *
 * Rests on https://docs.docker.com/reference/api/engine/. Bodies are JSON of jansson. */
#ifndef STASIS_CLI_CLIENT_H
#define STASIS_CLI_CLIENT_H

#include <jansson.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/http.h"
#include "engine/store.h" /* json_text, json_number */

/* `format` with its one %s replaced by `argument`, escaped for a URL. */
char *api_path(struct cli *cli, const char *format, const char *argument);

/* `path` with one more query parameter behind it, its value escaped; NULL adds nothing. */
char *with_query(struct cli *cli, char *path, const char *name, const char *value);

/* One request with the JSON `body` (NULL: none); *answer (may be NULL) becomes the JSON answer, a
 * new reference, or NULL if there is none. The HTTP status, or -1 with *e: a refusal reads "Error
 * response from daemon: ..." and has an errno that fits it (404 is ENOENT, 409 EEXIST). */
int ask(struct cli *cli, const char *method, const char *path, const json_t *body, json_t **answer,
        struct error *e);

/* As ask, for calls of which only success matters. 0 or -1. */
int tell(struct cli *cli, const char *method, const char *path, const json_t *body,
         struct error *e);

/* An answer that is read piece by piece, or a connection that has become a raw stream. */
struct stream {
    struct http *http; /* NULL: not open */
    struct http_reply reply;
    bool broken; /* reading failed: nothing more can be said over this connection */
};

/* Sends a request whose reply is read later by stream_reply. */
int stream_request(struct cli *cli, const struct http_request *request, struct stream *stream,
                   struct error *e);
/* Reads the headers of the reply. The HTTP status, or -1 with *e as ask does. */
int stream_reply(struct stream *stream, struct error *e);
/* Both. */
int stream_open(struct cli *cli, const struct http_request *request, struct stream *stream,
                struct error *e);
/* As http_read. */
ssize_t stream_read(struct stream *stream, void *data, size_t size, struct error *e);
/* Reads the rest of the stream, with a zero byte behind its *size bytes; free(3) it. NULL with *e.
 */
char *stream_text(struct stream *stream, size_t *size, struct error *e);
/* Reads the rest of the stream as JSON; a new reference, or NULL with *e. */
json_t *stream_json(struct stream *stream, struct error *e);
void stream_close(struct stream *stream);
#define AUTO_STREAM __attribute__((cleanup(stream_close)))

/* Ends what connections are left. */
void client_close(struct cli *cli);

#endif
