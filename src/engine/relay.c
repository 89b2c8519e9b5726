#include "engine/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_LIMIT 64
#define PENDING_LIMIT (1 << 20) /* a client this far behind stops the reading of output */
#define CLOSING_SECONDS 5

struct client {
    int fd;
    int streams; /* 0: it has not said yet */
    bool input_ended;
    char *pending; /* frames it did not take yet */
    size_t pending_size, pending_room;
};

struct relay {
    int in, out, err, listener;
    bool close_input, input_ended;
    struct log_file *log;
    struct client clients[CLIENTS_LIMIT];
    int clients_count;
    char input[1 << 14]; /* bytes on their way to the process */
    size_t input_size;
    char output[1 << 14];
};

static void set_nonblocking(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

struct relay *relay_new(int in, int out, int err, struct log_file *log, int listener,
                        bool close_input)
{
    struct relay *relay = malloc(sizeof(*relay));
    if (!relay)
        abort();
    relay->in = in;
    relay->out = out;
    relay->err = err;
    relay->listener = listener;
    relay->close_input = close_input;
    relay->input_ended = false;
    relay->log = log;
    relay->clients_count = 0;
    relay->input_size = 0;
    set_nonblocking(in);
    set_nonblocking(out);
    set_nonblocking(err);
    return relay;
}

void relay_add_client(struct relay *relay, int fd, int streams)
{
    if (relay->clients_count == CLIENTS_LIMIT) {
        close(fd);
        return;
    }
    set_nonblocking(fd);
    relay->clients[relay->clients_count++] = (struct client){.fd = fd, .streams = streams};
}

static void drop_client(struct relay *relay, int index)
{
    struct client *client = &relay->clients[index];
    if (client->streams & CLIENT_IN && relay->close_input)
        relay->input_ended = true;
    close(client->fd);
    free(client->pending);
    *client = relay->clients[--relay->clients_count];
}

/* False when the client is gone. */
static bool send_pending(struct client *client)
{
    size_t sent = 0;
    while (sent < client->pending_size) {
        ssize_t n = send(client->fd, client->pending + sent, client->pending_size - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    memmove(client->pending, client->pending + sent, client->pending_size - sent);
    client->pending_size -= sent;
    return true;
}

static void add_pending(struct client *client, const void *data, size_t size)
{
    if (client->pending_size + size > client->pending_room) {
        client->pending_room = 2 * client->pending_room + size;
        client->pending = realloc(client->pending, client->pending_room);
        if (!client->pending)
            abort();
    }
    memcpy(client->pending + client->pending_size, data, size);
    client->pending_size += size;
}

static void send_to_clients(struct relay *relay, int stream, size_t size)
{
    unsigned char header[8] = {(unsigned char)stream, 0, 0, 0, 0, 0, (unsigned char)(size >> 8),
                               (unsigned char)size};
    int wanted = stream == 1 ? CLIENT_OUT : CLIENT_ERR;
    for (int i = relay->clients_count; i-- > 0;) {
        struct client *client = &relay->clients[i];
        if (!(client->streams & wanted))
            continue;
        add_pending(client, header, sizeof(header));
        add_pending(client, relay->output, size);
        if (!send_pending(client))
            drop_client(relay, i);
    }
}

/* Takes one piece of output. False when there is none for now. */
static bool take_output(struct relay *relay, int *fd, int stream)
{
    ssize_t n = *fd < 0 ? -1 : read(*fd, relay->output, sizeof(relay->output));
    if (n < 0)
        return false;
    if (n == 0) {
        close_end(fd);
        return false;
    }
    if (relay->log)
        log_file_take(relay->log, stream, relay->output, (size_t)n);
    send_to_clients(relay, stream, (size_t)n);
    return true;
}

static void give_input(struct relay *relay)
{
    if (relay->input_size) {
        ssize_t n = relay->in < 0 ? (ssize_t)relay->input_size
                                  : write(relay->in, relay->input, relay->input_size);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            close_end(&relay->in);
            n = (ssize_t)relay->input_size;
        }
        if (n > 0) {
            memmove(relay->input, relay->input + n, relay->input_size - (size_t)n);
            relay->input_size -= (size_t)n;
        }
    }
    if (relay->input_ended && !relay->input_size)
        close_end(&relay->in);
}

/* False when the client is gone. */
static bool take_input(struct relay *relay, struct client *client)
{
    if (!client->streams) {
        unsigned char wanted;
        if (recv(client->fd, &wanted, 1, 0) != 1)
            return false;
        client->streams = wanted & (CLIENT_IN | CLIENT_OUT | CLIENT_ERR);
        return client->streams != 0;
    }
    ssize_t n = recv(client->fd, relay->input + relay->input_size,
                     sizeof(relay->input) - relay->input_size, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
        client->input_ended = true;
        if (client->streams & CLIENT_IN && relay->close_input)
            relay->input_ended = true;
    } else if (client->streams & CLIENT_IN) {
        relay->input_size += (size_t)n;
    }
    return true;
}

static bool is_congested(const struct relay *relay)
{
    for (int i = 0; i < relay->clients_count; i++) {
        if (relay->clients[i].pending_size > PENDING_LIMIT)
            return true;
    }
    return false;
}

enum { POLL_PROCESS, POLL_OUT, POLL_ERR, POLL_IN, POLL_LISTENER, POLL_CLIENTS };

static int prepare_poll(const struct relay *relay, int pidfd, struct pollfd *polled)
{
    bool congested = is_congested(relay), has_room = relay->input_size == 0;
    polled[POLL_PROCESS] = (struct pollfd){.fd = pidfd, .events = POLLIN};
    polled[POLL_OUT] = (struct pollfd){.fd = congested ? -1 : relay->out, .events = POLLIN};
    polled[POLL_ERR] = (struct pollfd){.fd = congested ? -1 : relay->err, .events = POLLIN};
    polled[POLL_IN] = (struct pollfd){.fd = has_room ? -1 : relay->in, .events = POLLOUT};
    polled[POLL_LISTENER] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
    for (int i = 0; i < relay->clients_count; i++) {
        const struct client *client = &relay->clients[i];
        bool reads = !client->input_ended && (has_room || !client->streams);
        polled[POLL_CLIENTS + i] = (struct pollfd){
            .fd = client->fd,
            .events = (short)((reads ? POLLIN : 0) | (client->pending_size ? POLLOUT : 0))};
    }
    return POLL_CLIENTS + relay->clients_count;
}

static void serve_clients(struct relay *relay, const struct pollfd *polled)
{
    for (int i = relay->clients_count; i-- > 0;) {
        struct client *client = &relay->clients[i];
        short events = polled[POLL_CLIENTS + i].revents;
        bool alive = true;
        if (events & POLLIN)
            alive = take_input(relay, client);
        if (alive && events & POLLOUT)
            alive = send_pending(client);
        if (!alive || (events & (POLLHUP | POLLERR) && !(events & POLLIN)))
            drop_client(relay, i);
    }
}

int relay_run(struct relay *relay, int pidfd, struct error *e)
{
    struct pollfd polled[POLL_CLIENTS + CLIENTS_LIMIT];
    for (;;) {
        int count = prepare_poll(relay, pidfd, polled);
        if (poll(polled, (nfds_t)count, -1) < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno(e, "poll");
        }
        serve_clients(relay, polled);
        give_input(relay);
        if (polled[POLL_OUT].revents)
            take_output(relay, &relay->out, 1);
        if (polled[POLL_ERR].revents)
            take_output(relay, &relay->err, 2);
        if (polled[POLL_LISTENER].revents & POLLIN) {
            int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0)
                relay_add_client(relay, fd, 0);
        }
        if (polled[POLL_PROCESS].revents)
            break;
    }
    while (take_output(relay, &relay->out, 1) || take_output(relay, &relay->err, 2))
        ;
    return 0;
}

void relay_close_log(struct relay *relay)
{
    log_file_close(relay->log);
    relay->log = NULL;
}

static bool send_rest(struct relay *relay, long long deadline)
{
    struct pollfd polled[CLIENTS_LIMIT];
    struct timespec now;
    int count = 0;
    for (int i = relay->clients_count; i-- > 0;) {
        if (!send_pending(&relay->clients[i]))
            drop_client(relay, i);
    }
    for (int i = 0; i < relay->clients_count; i++) {
        if (relay->clients[i].pending_size)
            polled[count++] = (struct pollfd){.fd = relay->clients[i].fd, .events = POLLOUT};
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long left = deadline - ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return count && left > 0 && poll(polled, (nfds_t)count, (int)left) >= 0;
}

void relay_close(struct relay *relay)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long deadline = (long long)(now.tv_sec + CLOSING_SECONDS) * 1000 + now.tv_nsec / 1000000;
    while (send_rest(relay, deadline))
        ;
    while (relay->clients_count) {
        shutdown(relay->clients[relay->clients_count - 1].fd, SHUT_RDWR);
        drop_client(relay, relay->clients_count - 1);
    }
    close_end(&relay->in);
    close_end(&relay->out);
    close_end(&relay->err);
    close_end(&relay->listener);
    relay_close_log(relay);
    free(relay);
}
