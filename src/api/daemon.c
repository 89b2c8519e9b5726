/* The daemon: a socket, and an end in good order. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http.h"
#include "api/server.h"
#include "api/tasks.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "engine/engine.h"

enum { SECONDS_TO_END = 5 };

static int socket_address(const char *path, struct sockaddr_un *address, struct error *e)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address->sun_path))
        return fail(e, ENAMETOOLONG, "socket %s", path);
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

/* A socket file outlives its daemon: only connecting tells whether one still listens. */
static int remove_stale_socket(const struct sockaddr_un *address, struct error *e)
{
    struct stat st;
    const char *path = address->sun_path;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : fail_errno(e, "socket %s", path);
    if (!S_ISSOCK(st.st_mode))
        return fail(e, EEXIST, "socket %s: the path exists and is no socket", path);
    AUTO_CLOSE int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return fail_errno(e, "socket");
    if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return fail(e, EADDRINUSE, "socket %s: another daemon answers there", path);
    if (errno != ECONNREFUSED)
        return fail_errno(e, "socket %s", path);
    return unlink(path) < 0 && errno != ENOENT ? fail_errno(e, "socket %s", path) : 0;
}

/* bind(2) makes the file with the mode of the socket's inode less the umask, so nobody can connect
 * before the mode is right. */
static int listen_on(const char *path, struct error *e)
{
    struct sockaddr_un address;

    if (socket_address(path, &address, e) < 0 || remove_stale_socket(&address, e) < 0)
        return -1;
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(e, "socket");
    if (fchmod(fd, 0660) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(path, 0660) < 0 || listen(fd, 128) < 0)
        return fail_errno(e, "socket %s", path);
    return take_fd(&fd);
}

/* Blocked here means blocked in the threads that follow: only the signalfd sees the signals. */
static int catch_ending_signals(sigset_t *before, struct error *e)
{
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ending, before);
    int fd = signalfd(-1, &ending, SFD_CLOEXEC);
    return fd < 0 ? fail_errno(e, "signalfd") : fd;
}

static void wait_for_ending_signal(int signals, const struct log *log)
{
    struct signalfd_siginfo info;

    do {
        if (read_full(signals, &info, sizeof(info)) != sizeof(info))
            return;
    } while (info.ssi_signo == SIGHUP);
    log_line(log, LOG_MESSAGE, "ending after signal %u", info.ssi_signo);
}

static int serve(struct engine *engine, struct launcher *launcher,
                 const struct api_daemon_options *options, int signals, struct error *e)
{
    const char *path = options->socket_path ? options->socket_path : API_DEFAULT_SOCKET;
    struct log log = log_on(STDERR_FILENO, options->debug ? LOG_DEBUG : LOG_MESSAGE);
    struct http_options http_options = {.engine = engine, .launcher = launcher, .log = &log};

    http_options.listen_fd = listen_on(path, e);
    if (http_options.listen_fd < 0)
        return -1;
    struct api_server *server = http_start(&http_options, e);
    if (server) {
        log_line(&log, LOG_MESSAGE, "API listens on %s", path);
        wait_for_ending_signal(signals, &log);
    }
    unlink(path);
    if (!server)
        return -1;
    api_server_stop(server, SECONDS_TO_END);
    return 0;
}

int api_serve_socket(struct engine *engine, const struct api_daemon_options *options,
                     struct error *e)
{
    sigset_t before;
    struct launcher *launcher = launcher_start(engine, e);
    if (!launcher)
        return -1;
    AUTO_CLOSE int signals = catch_ending_signals(&before, e);
    int result = signals < 0 ? -1 : serve(engine, launcher, options, signals, e);

    launcher_stop(launcher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static int write_pidfile(const char *path, struct error *e)
{
    char text[32];

    snprintf(text, sizeof(text), "%d\n", getpid());
    return replace_file_at(AT_FDCWD, path, text, strlen(text), 0644, e);
}

int api_daemon_main(const struct api_daemon_options *options, struct error *e)
{
    struct engine_options engine_options = {.data_root = options->data_root,
                                            .storage_driver = options->storage_driver,
                                            .version = STASIS_VERSION};

    if (options->pidfile && write_pidfile(options->pidfile, e) < 0)
        return -1;
    struct engine *engine = engine_open(&engine_options, e);
    int result = engine ? api_serve_socket(engine, options, e) : -1;
    /* After serving, requests that took too long may still use the engine until the process ends.
     */
    if (engine && result < 0)
        engine_close(engine);
    if (options->pidfile)
        unlink(options->pidfile);
    return result;
}
