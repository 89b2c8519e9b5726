#include "api/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include "api/http.h"

struct api_server *api_server_start(struct engine *engine, const struct log *log, struct error *e)
{
    struct http_options options = {.engine = engine, .log = log, .listen_fd = -1};
    return http_start(&options, e);
}

int api_server_connect(struct api_server *server, struct error *e)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_errno(e, "socket pair to the API");
    if (http_add_connection(server, pair[1], e) < 0) {
        close(pair[0]);
        return -1;
    }
    return pair[0];
}
