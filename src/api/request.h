/* One request of the API and the answer to it, without any HTTP library in sight. */
#ifndef STASIS_API_REQUEST_H
#define STASIS_API_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define API_VERSION_MAX 43 /* 1.43 */
#define API_VERSION_MIN 24 /* 1.24 */
#define API_VERSION_TEXT "1.43"
#define API_VERSION_MIN_TEXT "1.24"

struct engine;
struct launcher;
struct request;

/* Where a long answer goes. */
struct stream {
    int fd; /* a socket: what is written to it is the body; of a hijacked connection, both ways */
    int cancel; /* becomes readable when the client went away or the server ends */
};

/* Writes a long answer, in a thread of its own, after the headers were sent. 0, or -1 with
 * *e: the client sees a broken end. */
typedef int stream_writer(struct request *request, const struct stream *stream, void *context,
                          struct error *e);

enum reply_kind { REPLY_NONE, REPLY_BODY, REPLY_STREAM, REPLY_HIJACK };

struct reply {
    enum reply_kind kind;
    int status;
    const char *content_type; /* NULL: there is no body */
    const char *body;         /* the request's arena's */
    size_t body_size;
    stream_writer *writer;
    void *context;
};

struct request {
    struct arena *arena; /* released after the reply was sent */
    struct engine *engine;
    struct launcher *launcher; /* of a daemon, or NULL: for perform of tasks.h */
    const char *method;
    const char *path;      /* unescaped, without the version */
    const char *params[4]; /* what the {} of the route stood for */
    int version;           /* minor version of the API the client speaks: 24 to 43 */
    bool upgrade;          /* the client asked for `Upgrade: tcp` */
    const char *body;      /* zero-terminated; empty for routes whose body is streamed */
    size_t body_size;
    int body_fd;      /* the body of a route that streams it, or -1 if it is empty */
    void *connection; /* the library's */
    struct reply reply;
};

/* A query argument, unescaped, or NULL. Of several with one name, the first. */
const char *request_query(const struct request *request, const char *name);
/* All arguments of one name, in the arena. */
const char **request_query_all(struct request *request, const char *name, size_t *count);
/* Docker's idea of a true argument: anything but empty, "0", "no", "false" and "none". */
bool request_flag(const struct request *request, const char *name);
/* `fallback` without the argument. -1 with *e if it is no whole number. */
int request_number(const struct request *request, const char *name, int64_t fallback,
                   int64_t *value, struct error *e);
/* A header's value or NULL. */
const char *request_header(const struct request *request, const char *name);

/* The body as a JSON object, a new reference. An empty body is an empty object. NULL with *e
 * (EINVAL). */
json_t *request_json(const struct request *request, struct error *e);

/* Each reply function may be called once per request, by the handler; all return 0. Texts and JSON
 * are copied; `json` is released. */
int reply_empty(struct request *request, int status);
int reply_text(struct request *request, int status, const char *content_type, const char *text);
int reply_json(struct request *request, int status, json_t *json);
int reply_message(struct request *request, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The status that fits e->code, and e->text as the message. */
int reply_error(struct request *request, const struct error *e);
/* A body of unknown length. `context` must live in the request's arena. */
int reply_stream(struct request *request, const char *content_type, stream_writer *writer,
                 void *context);
/* Takes the connection over: 101 if the client asked for an upgrade, else 200 and a raw body. */
int reply_hijack(struct request *request, const char *content_type, stream_writer *writer,
                 void *context);

/* A JSON array of filters, as `filters` of a query: NULL without one. A new reference; -1 with *e
 * if it is not an object of arrays or objects. */
int request_filters(const struct request *request, json_t **filters, struct error *e);

/* A handler answers the request and returns 0, or fills *e and returns -1: then the router answers
 * with reply_error. */
typedef int handler(struct request *request, struct error *e);

#endif
