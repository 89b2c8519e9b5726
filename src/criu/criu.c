#include "criu/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "criu/options.h"

static const char usage[] =
    "Usage:\n"
    "  criu dump|restore [<options>]\n"
    "  criu --version\n"
    "\n"
    "  -t|--tree PID           root of the process tree to dump\n"
    "  -D|--images-dir DIR     directory of the image files (default: .)\n"
    "  -W|--work-dir DIR       directory of the log and pid files (default: as -D)\n"
    "  -o|--log-file FILE      log file, below the work directory (default: stderr)\n"
    "  -v[NUM]                 0 silent, 1 errors, 2 warnings (default), 3 steps, 4 details\n"
    "  -R|--leave-running      the tree goes on after the dump\n"
    "  -s|--leave-stopped      the tree stays stopped after the dump\n"
    "  -d|--restore-detached   return once the tree runs\n"
    "  --pidfile FILE          write the restored root's pid there\n"
    "  -r|--root DIR           root of the mount namespace\n"
    "  -j|--shell-job          session and terminal are the caller's\n"
    "  --inherit-fd fd[N]:KEY  at restore, the file KEY is the caller's descriptor N\n"
    "  --external mnt[KEY]:VAL a mount whose source lies outside\n"
    "  --manage-cgroups        dump and restore control groups\n"
    "  --cgroup-root [CTRL:]/PATH  where control groups are restored\n";

/* What a command works with: the options and the directories and log that they name. */
struct session {
    struct criu_options options;
    struct arena *arena;
    int images, work;
    struct log log;
};

static int open_directory(const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail_errno(e, "cannot open directory %s", path) : fd;
}

static int open_log(struct session *session, struct error *e)
{
    const char *path = session->options.log_path;
    int fd = STDERR_FILENO;
    if (path && strcmp(path, "-") != 0) {
        fd = openat(session->work, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0)
            return fail_errno(e, "cannot create log file %s", path);
    }
    session->log = log_on(fd, session->options.level);
    session->options.stasis.log = &session->log;
    return 0;
}

static int open_session(struct session *session, struct error *e)
{
    struct criu_options *options = &session->options;
    session->images = open_directory(options->images_path, e);
    if (session->images < 0)
        return -1;
    session->work = options->work_path ? open_directory(options->work_path, e) : session->images;
    if (session->work < 0)
        return -1;
    options->stasis.images_dir = session->images;
    return open_log(session, e);
}

static void close_session(struct session *session)
{
    if (session->log.fd > STDERR_FILENO)
        close(session->log.fd);
    if (session->work >= 0 && session->work != session->images)
        close(session->work);
    if (session->images >= 0)
        close(session->images);
}

/* A tracer that ends in the middle leaves its tracees with half a script, and so dead: what asks
 * this command to end waits until it has let go of them. */
static int dump_without_interruption(const struct stasis_options *options, struct error *e)
{
    sigset_t requests, before;
    sigemptyset(&requests);
    for (const int *number = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0}; *number; number++)
        sigaddset(&requests, *number);
    sigprocmask(SIG_BLOCK, &requests, &before);
    int done = stasis_dump(options, e);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}

static int dump(struct session *session, struct error *e)
{
    if (session->options.stasis.pid == 0)
        return fail(e, EINVAL, "dump: -t PID is missing");
    session->options.stasis.leave_dying = true;
    if (dump_without_interruption(&session->options.stasis, e) < 0)
        return -1;
    log_line(&session->log, LOG_INFO, "Dumping finished successfully");
    return 0;
}

static int write_pid_file(struct session *session, pid_t pid, struct error *e)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%d", (int)pid);
    if (!session->options.pid_path)
        return 0;
    return replace_file_at(session->work, session->options.pid_path, text, (size_t)length, 0600, e);
}

/* Without -d the caller sees the command end when the tree's root does. */
static void wait_for_end(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static int restore(struct session *session, struct error *e)
{
    pid_t pid = stasis_restore(&session->options.stasis, e);
    if (pid < 0)
        return -1;
    log_line(&session->log, LOG_INFO, "Restore finished successfully. Resuming tasks.");
    if (write_pid_file(session, pid, e) < 0)
        return -1;
    if (!session->options.stasis.restore_detached)
        wait_for_end(pid);
    return 0;
}

static int run_command(struct session *session, struct error *e)
{
    const char *command = session->options.command;
    if (!strcmp(command, "dump"))
        return dump(session, e);
    if (!strcmp(command, "restore"))
        return restore(session, e);
    return fail(e, EINVAL, "unknown command: %s", command);
}

int criu_main(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct session session = {.arena = arena, .images = -1, .work = -1, .log = {.fd = -1}};
    struct error e = {0};
    int result = criu_options_parse(&session.options, arena, argc, argv, &e);
    if (result == 0 && session.options.version) {
        puts("Version: 4.2");
        return 0;
    }
    if (result == 0 && (session.options.help || !session.options.command)) {
        fputs(usage, session.options.help ? stdout : stderr);
        return session.options.help ? 0 : 1;
    }
    if (result == 0)
        result = open_session(&session, &e);
    if (result == 0)
        result = run_command(&session, &e);
    if (result < 0) {
        log_line(&session.log, LOG_ERROR, "%s", e.text);
        /* A log on stderr has said it already. */
        if (session.log.fd != STDERR_FILENO || session.options.level < LOG_ERROR)
            fprintf(stderr, "criu: %s\n", e.text);
    }
    close_session(&session);
    return result < 0 ? 1 : 0;
}
