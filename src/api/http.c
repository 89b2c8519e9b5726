#include "api/http.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "api/routes.h"
#include "api/server.h"
#include "base/cleanup.h"

enum {
    BODY_LIMIT = 4 << 20,         /* of a body that is kept in memory */
    CONNECTION_MEMORY = 64 << 10, /* request line, headers and one piece of body */
    STREAM_BLOCK = 32 << 10,
    CONNECTION_LIMIT = 1000,
};

struct api_server {
    struct MHD_Daemon *daemon;
    struct engine *engine;
    struct launcher *launcher;
    const struct log *log;
    int stopping; /* eventfd, readable once the server ends */
    atomic_int active;
};

/* A request on its way through the library. */
struct exchange {
    struct request request;
    struct api_server *server;
    const struct route *route;
    struct timespec start;
    char *body;
    size_t body_capacity;
    bool too_large;
    /* The handler of a streamed body, or the writer of a streamed reply, in a thread of its own:
     * `ours` is our end of a socket pair, `theirs` the thread's. */
    bool threaded;
    pthread_t thread;
    int ours, theirs;
    bool writer_failed, taken_over;
};

static void log_failure(const struct exchange *x, const struct error *e)
{
    log_line(x->server->log, LOG_ERROR, "%s %s: %s", x->request.method, x->request.path, e->text);
}

static void answer(struct exchange *x)
{
    struct error e = {0};

    if (x->route->handle(&x->request, &e) == 0)
        return;
    reply_error(&x->request, &e);
    if (x->request.reply.status >= 500)
        log_failure(x, &e);
}

/* ---- threads ------------------------------------------------------------------------------- */

/* The byte that nobody reads makes closing our end a reset for the handler (unix(7)): a body that
 * breaks off must not look like one that ends. */
static void *run_handler(void *argument)
{
    struct exchange *x = argument;

    x->request.body_fd = x->theirs;
    send(x->theirs, "", 1, MSG_NOSIGNAL);
    answer(x);
    close(x->theirs);
    return NULL;
}

static int watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* One descriptor for both reasons to give up; a hang-up is reported unasked. */
static int write_stream(struct exchange *x, int fd)
{
    AUTO_CLOSE int cancel = epoll_create1(EPOLL_CLOEXEC);
    struct stream stream = {.fd = fd, .cancel = cancel};
    struct error e = {0};

    if (cancel < 0 || watch(cancel, fd, 0) < 0 || watch(cancel, x->server->stopping, EPOLLIN) < 0)
        return -1;
    int result = x->request.reply.writer(&x->request, &stream, x->request.reply.context, &e);
    if (result < 0 && e.code != ECANCELED && e.code != EPIPE)
        log_failure(x, &e);
    return result;
}

static void *run_writer(void *argument)
{
    struct exchange *x = argument;

    x->writer_failed = write_stream(x, x->theirs) < 0;
    close(x->theirs);
    return NULL;
}

/* SIGPIPE stays blocked in the thread: a writer learns of a lost client by EPIPE. */
static int start_thread(struct exchange *x, void *(*run)(void *))
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    x->ours = pair[0];
    x->theirs = pair[1];
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    x->threaded = pthread_create(&x->thread, NULL, run, x) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!x->threaded) {
        close(x->ours);
        close(x->theirs);
    }
    return x->threaded ? 0 : -1;
}

/* Lets the thread come to its end, then closes our end; or the other way round to break it off. */
static void join_thread(struct exchange *x)
{
    pthread_join(x->thread, NULL);
    close(x->ours);
    x->threaded = false;
}

static void break_off_thread(struct exchange *x)
{
    close(x->ours);
    pthread_join(x->thread, NULL);
    x->threaded = false;
}

/* The client went away before the headers were sent: the writer sees a dead connection and releases
 * what it holds. */
static void end_unused_writer(struct exchange *x)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    close(pair[0]);
    write_stream(x, pair[1]);
    close(pair[1]);
}

/* ---- the request --------------------------------------------------------------------------- */

const char *request_query(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct query_collector {
    struct arena *arena;
    const char *name;
    VEC(const char *) values;
};

static enum MHD_Result collect_query(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct query_collector *collector = context;

    (void)kind;
    if (value && !strcmp(name, collector->name))
        vec_add(collector->arena, &collector->values, value);
    return MHD_YES;
}

const char **request_query_all(struct request *request, const char *name, size_t *count)
{
    struct query_collector collector = {.arena = request->arena, .name = name};

    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, collect_query,
                              &collector);
    *count = collector.values.count;
    return collector.values.items;
}

static struct exchange *exchange_new(struct api_server *server, struct MHD_Connection *connection,
                                     const char *path, const char *method)
{
    struct arena *arena = arena_new();
    struct exchange *x = arena_alloc(arena, sizeof(*x));

    clock_gettime(CLOCK_MONOTONIC, &x->start);
    x->server = server;
    x->request = (struct request){.arena = arena,
                                  .engine = server->engine,
                                  .launcher = server->launcher,
                                  .method = arena_strdup(arena, method),
                                  .path = arena_strdup(arena, path),
                                  .body = "",
                                  .body_fd = -1,
                                  .connection = connection};
    const char *upgrade = request_header(&x->request, "Upgrade");
    x->request.upgrade = upgrade && !strcasecmp(upgrade, "tcp");
    atomic_fetch_add(&server->active, 1);
    return x;
}

static void exchange_free(struct exchange *x)
{
    if (x->threaded)
        break_off_thread(x);
    if (x->request.reply.kind == REPLY_HIJACK && !x->taken_over)
        end_unused_writer(x);
    atomic_fetch_sub(&x->server->active, 1);
    free(x->body);
    arena_free(x->request.arena);
}

static void keep_body(struct exchange *x, const char *data, size_t size)
{
    struct request *request = &x->request;

    if (x->too_large || size > BODY_LIMIT - request->body_size) {
        x->too_large = true;
        return;
    }
    if (request->body_size + size + 1 > x->body_capacity) {
        size_t capacity = 2 * (request->body_size + size + 1);
        char *body = realloc(x->body, capacity);
        if (!body) {
            x->too_large = true;
            return;
        }
        x->body = body;
        x->body_capacity = capacity;
    }
    memcpy(x->body + request->body_size, data, size);
    request->body_size += size;
    x->body[request->body_size] = 0;
    request->body = x->body;
}

/* A handler that has answered early reads no more: the rest of the body goes nowhere. */
static void pass_body(struct exchange *x, const char *data, size_t size)
{
    if (!x->threaded && x->request.reply.kind == REPLY_NONE && start_thread(x, run_handler) < 0)
        reply_message(&x->request, 500, "no thread for the request: %m");
    while (size && x->threaded) {
        ssize_t sent = send(x->ours, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return;
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        }
    }
}

/* ---- the reply ----------------------------------------------------------------------------- */

/* Reads what the writer's thread has written; notices a client that went away while there is
 * nothing to write. */
static ssize_t read_from_writer(void *context, uint64_t position, char *data, size_t size)
{
    struct exchange *x = context;
    int client = MHD_get_connection_info(x->request.connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                     ->connect_fd;
    struct pollfd polls[] = {{.fd = x->ours, .events = POLLIN}, {.fd = client, .events = 0}};

    (void)position;
    while (poll(polls, 2, -1) < 0)
        if (errno != EINTR)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    if (!polls[0].revents)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    ssize_t got = recv(x->ours, data, size, 0);
    if (got > 0)
        return got;
    join_thread(x);
    return got == 0 && !x->writer_failed ? MHD_CONTENT_READER_END_OF_STREAM
                                         : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void take_over(struct exchange *x, int fd)
{
    x->taken_over = true;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    write_stream(x, fd);
    shutdown(fd, SHUT_RDWR);
}

/* In the mode of one thread per connection this may take as long as it wants. */
static void upgraded(void *context, struct MHD_Connection *connection, void *exchange,
                     const char *extra, size_t extra_size, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *handle)
{
    (void)connection, (void)exchange, (void)extra, (void)extra_size;
    take_over(context, fd);
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* A client that did not ask for an upgrade: the library has sent the headers and asks for a body;
 * the connection is used directly instead. */
static ssize_t hijacked(void *context, uint64_t position, char *data, size_t size)
{
    struct exchange *x = context;

    (void)position, (void)data, (void)size;
    take_over(x, MHD_get_connection_info(x->request.connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                     ->connect_fd);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *hijack_response(struct exchange *x)
{
    struct reply *reply = &x->request.reply;

    reply->status = x->request.upgrade ? 101 : 200;
    if (x->request.upgrade) {
        struct MHD_Response *response = MHD_create_response_for_upgrade(upgraded, x);
        if (response)
            MHD_add_response_header(response, "Upgrade", "tcp");
        return response;
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, hijacked, x, NULL);
    if (response)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
    return response;
}

static struct MHD_Response *stream_response(struct exchange *x)
{
    if (start_thread(x, run_writer) < 0)
        return NULL;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_from_writer, x,
                                             NULL);
}

static struct MHD_Response *make_response(struct exchange *x)
{
    const struct reply *reply = &x->request.reply;

    switch (reply->kind) {
    case REPLY_STREAM:
        return stream_response(x);
    case REPLY_HIJACK:
        return hijack_response(x);
    default:
        return MHD_create_response_from_buffer(reply->body_size, (void *)reply->body,
                                               MHD_RESPMEM_PERSISTENT);
    }
}

static enum MHD_Result send_reply(struct exchange *x)
{
    const struct reply *reply = &x->request.reply;
    struct MHD_Response *response = make_response(x);

    if (!response)
        return MHD_NO;
    if (reply->content_type)
        MHD_add_response_header(response, "Content-Type", reply->content_type);
    MHD_add_response_header(response, "Api-Version", API_VERSION_TEXT);
    MHD_add_response_header(response, "Docker-Experimental", "true");
    MHD_add_response_header(response, "Ostype", "linux");
    MHD_add_response_header(response, "Server", "Stasis/" STASIS_VERSION " (linux)");
    enum MHD_Result queued =
        MHD_queue_response(x->request.connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- the library's calls ------------------------------------------------------------------- */

static enum MHD_Result finish_request(struct exchange *x)
{
    if (x->threaded) {
        shutdown(x->ours, SHUT_WR);
        join_thread(x);
    } else if (x->too_large) {
        reply_message(&x->request, 413, "request body is larger than %d bytes", BODY_LIMIT);
    } else if (x->request.reply.kind == REPLY_NONE) {
        answer(x);
    }
    return send_reply(x);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **exchange)
{
    struct exchange *x = *exchange;

    (void)version;
    if (!x) {
        *exchange = x = exchange_new(context, connection, path, method);
        x->route = router_find(routes, &x->request);
        return MHD_YES;
    }
    if (!*size)
        return finish_request(x);
    if (x->route && x->route->streams_body)
        pass_body(x, data, *size);
    else
        keep_body(x, data, *size);
    *size = 0;
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    const struct api_server *server = context;
    struct exchange *x = *exchange;
    struct timespec now;

    (void)connection, (void)code;
    if (!x)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long micro = (now.tv_sec - x->start.tv_sec) * 1000000 + (now.tv_nsec - x->start.tv_nsec) / 1000;
    log_line(server->log, LOG_DEBUG, "%s %s: %d in %ld us", x->request.method, x->request.path,
             x->request.reply.status, micro);
    exchange_free(x);
    *exchange = NULL;
}

struct api_server *http_start(const struct http_options *options, struct error *e)
{
    struct api_server *server = calloc(1, sizeof(*server));
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_ALLOW_UPGRADE;

    if (!server) {
        fail(e, ENOMEM, "API server");
        return NULL;
    }
    *server = (struct api_server){
        .engine = options->engine, .launcher = options->launcher, .log = options->log};
    server->stopping = eventfd(0, EFD_CLOEXEC);
    if (options->listen_fd < 0)
        flags |= MHD_USE_NO_LISTEN_SOCKET;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTION_LIMIT,
        /* The list of options ends here for a server that listens nowhere. */
        options->listen_fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, options->listen_fd,
        MHD_OPTION_END);
    if (server->stopping >= 0 && server->daemon)
        return server;
    fail_errno(e, "cannot start the API server");
    api_server_stop(server, 0);
    return NULL;
}

int http_add_connection(struct api_server *server, int fd, struct error *e)
{
    struct sockaddr address = {.sa_family = AF_UNIX};

    if (MHD_add_connection(server->daemon, fd, &address, sizeof(address.sa_family)) != MHD_YES)
        return fail_errno(e, "cannot serve a connection");
    return 0;
}

/* The library must not be stopped while a connection is taken over. */
void api_server_stop(struct api_server *server, int seconds)
{
    uint64_t one = 1;

    if (server->stopping >= 0 && write(server->stopping, &one, sizeof(one)) < 0)
        return;
    for (int i = 0; atomic_load(&server->active) && i < seconds * 100; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    if (atomic_load(&server->active))
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->stopping >= 0)
        close(server->stopping);
    free(server);
}
