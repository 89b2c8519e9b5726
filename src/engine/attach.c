#include "engine/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* By /proc the path is short, however long that of the data root is: sun_path has 108 bytes. */
static struct sockaddr_un address_of(const struct container *container)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach.sock",
             container->dir);
    return address;
}

int attach_listen(const struct container *container, struct error *e)
{
    struct sockaddr_un address = address_of(container);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(e, "attach.sock");
    unlinkat(container->dir, "attach.sock", 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        fchmodat(container->dir, "attach.sock", 0660, 0) < 0 || listen(fd, 16) < 0)
        return fail_errno(e, "attach.sock");
    return take_fd(&fd);
}

static int connect_to_monitor(const struct container *container, int streams, struct error *e)
{
    struct sockaddr_un address = address_of(container);
    unsigned char wanted = (unsigned char)streams;
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send(fd, &wanted, 1, MSG_NOSIGNAL) != 1)
        return fail_errno(e, "container %s: cannot attach", container->id);
    return take_fd(&fd);
}

/* Clients whose other end was closed wait no more. */
static void sweep(struct engine *engine)
{
    for (struct waiting_client **at = &engine->waiting; *at;) {
        struct pollfd polled = {.fd = (*at)->fd};
        if (poll(&polled, 1, 0) == 1 && polled.revents & (POLLHUP | POLLERR)) {
            struct waiting_client *gone = *at;
            *at = gone->next;
            close(gone->fd);
            free(gone);
        } else {
            at = &(*at)->next;
        }
    }
}

/* `fd` is the engine's then, also after an error. */
static int add_waiting(struct engine *engine, const char *id, int fd, int streams, struct error *e)
{
    struct waiting_client *client = calloc(1, sizeof(*client));
    if (!client) {
        close(fd);
        return fail_errno(e, "cannot attach");
    }
    memcpy(client->id, id, sizeof(client->id));
    client->fd = fd;
    client->streams = streams;
    pthread_mutex_lock(&engine->waiting_mutex);
    sweep(engine);
    client->next = engine->waiting;
    engine->waiting = client;
    pthread_mutex_unlock(&engine->waiting_mutex);
    return 0;
}

static int wait_for_start(struct container *container, int streams, struct error *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_errno(e, "cannot attach");
    if (add_waiting(container->engine, container->id, ends[1], streams, e) == 0)
        return ends[0];
    close(ends[0]);
    return -1;
}

int engine_container_attach(struct engine *engine, const char *ref,
                            const struct engine_attach *streams, struct error *e)
{
    AUTO_CONTAINER struct container container;
    int wanted = (streams->in ? CLIENT_IN : 0) | (streams->out ? CLIENT_OUT : 0) |
                 (streams->err ? CLIENT_ERR : 0);
    if (container_open(&container, engine, ref, e) < 0)
        return -1;
    if (!wanted)
        return fail(e, EINVAL, "no stream is asked for");
    if (strcmp(container_status(&container), "paused") == 0)
        return fail(e, EBUSY, "container %s is paused, unpause the container before attach", ref);
    return container_is_running(&container) ? connect_to_monitor(&container, wanted, e)
                                            : wait_for_start(&container, wanted, e);
}

struct waiting_client *attach_take_waiting(struct engine *engine, const char *id)
{
    struct waiting_client *taken = NULL;
    pthread_mutex_lock(&engine->waiting_mutex);
    for (struct waiting_client **at = &engine->waiting; *at;) {
        struct waiting_client *client = *at;
        if (strcmp(client->id, id) == 0) {
            *at = client->next;
            client->next = taken;
            taken = client;
        } else {
            at = &client->next;
        }
    }
    pthread_mutex_unlock(&engine->waiting_mutex);
    return taken;
}

void attach_free(struct waiting_client *clients)
{
    while (clients) {
        struct waiting_client *client = clients;
        clients = client->next;
        close(client->fd);
        free(client);
    }
}

size_t engine_clients_take(struct engine *engine, const char *ref, struct engine_client *clients,
                           size_t limit)
{
    char id[ENGINE_ID_SIZE];
    struct error ignored = {0};
    size_t count = 0;
    if (engine_container_resolve(engine, ref, id, &ignored) < 0)
        return 0;
    struct waiting_client *taken = attach_take_waiting(engine, id);
    for (struct waiting_client *client = taken; client && count < limit; client = client->next) {
        clients[count++] = (struct engine_client){client->fd, client->streams};
        client->fd = -1;
    }
    attach_free(taken);
    return count;
}

int engine_clients_give(struct engine *engine, const char *ref, const struct engine_client *clients,
                        size_t count, struct error *e)
{
    char id[ENGINE_ID_SIZE] = "";
    int result = engine_container_resolve(engine, ref, id, e);
    for (size_t i = 0; i < count; i++) {
        if (result == 0)
            result = add_waiting(engine, id, clients[i].fd, clients[i].streams, e);
        else
            close(clients[i].fd);
    }
    return result;
}

void attach_drop_waiting(struct engine *engine)
{
    attach_free(engine->waiting);
    engine->waiting = NULL;
}
