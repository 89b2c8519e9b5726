/* The terminal of a shell job: at restore it is the caller's own. See tty_ioctl(4), pty(7). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "objects/kinds.h"
#include "objects/registry.h"

enum { PTS_MAJOR = 136, PTS_LAST_MAJOR = 143, KERNEL_NCC = 19 };

static bool recognise_tty(const struct fd_view *view)
{
    if (!S_ISCHR(view->st.st_mode) || view->number < 0 || view->flags & O_PATH)
        return false;
    unsigned number = major(view->st.st_rdev);
    return number >= PTS_MAJOR && number <= PTS_LAST_MAJOR;
}

static TermiosEntry *save_termios(struct arena *arena, int fd)
{
    struct termios termios;
    if (tcgetattr(fd, &termios) < 0)
        return NULL;
    TermiosEntry *to = arena_alloc(arena, sizeof(*to));
    termios_entry__init(to);
    to->c_iflag = termios.c_iflag;
    to->c_oflag = termios.c_oflag;
    to->c_cflag = termios.c_cflag;
    to->c_lflag = termios.c_lflag;
    to->c_line = termios.c_line;
    to->c_ispeed = termios.c_ispeed;
    to->c_ospeed = termios.c_ospeed;
    to->n_c_cc = KERNEL_NCC;
    to->c_cc = arena_alloc(arena, sizeof(*to->c_cc) * KERNEL_NCC);
    for (size_t i = 0; i < KERNEL_NCC; i++)
        to->c_cc[i] = termios.c_cc[i];
    return to;
}

static WinsizeEntry *save_size(struct arena *arena, int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return NULL;
    WinsizeEntry *to = arena_alloc(arena, sizeof(*to));
    winsize_entry__init(to);
    to->ws_row = size.ws_row;
    to->ws_col = size.ws_col;
    to->ws_xpixel = size.ws_xpixel;
    to->ws_ypixel = size.ws_ypixel;
    return to;
}

/* The other end of the terminal is outside of the tree, so it has no session inside. */
static void save_info(struct dump *dump, const struct fd_view *view, uint32_t id)
{
    TtyInfoEntry info = TTY_INFO_ENTRY__INIT;
    TtyPtyEntry pty = TTY_PTY_ENTRY__INIT;
    info.id = id;
    info.type = TTY_TYPE__PTY;
    info.rdev = (uint32_t)view->st.st_rdev;
    info.termios = save_termios(dump->arena, view->fd);
    info.winsize = save_size(dump->arena, view->fd);
    pty.index = minor(view->st.st_rdev);
    info.pty = &pty;
    info.has_uid = info.has_gid = 1;
    info.uid = view->st.st_uid;
    info.gid = view->st.st_gid;
    if (!dump->terminals)
        dump->terminals = image_create(dump->images, IMAGE_TTY_INFO, 0);
    image_add(dump->terminals, &info.base);
}

static int save_tty(struct dump *dump, const struct fd_view *view, FileEntry *entry,
                    struct error *e)
{
    if (!dump->options->shell_job)
        return fail(e, ENOTSUP,
                    "%s: terminal %s: only supported as that of a shell job "
                    "(--shell-job)",
                    describe_view(dump->arena, view), view->link);
    TtyFileEntry *tty = arena_alloc(dump->arena, sizeof(*tty));
    tty_file_entry__init(tty);
    tty->fown = arena_alloc(dump->arena, sizeof(*tty->fown));
    if (save_owner_of_signals(view, tty->fown, e) < 0)
        return fail_in(e, "%s", describe_view(dump->arena, view));
    tty->id = tty->tty_info_id = entry->id;
    tty->flags = view->flags;
    save_info(dump, view, entry->id);
    entry->tty = tty;
    return 0;
}

/* ---- restore ---- */

static int terminal_of_caller(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (isatty(fd))
            return fd;
    return -1;
}

static int stage_tty(struct restore *restore, struct staged_file *file, struct error *e)
{
    const TtyFileEntry *tty = file->entry->tty;
    char name[16];
    if (!tty)
        return fail(e, EBADMSG, "damaged entry");
    int terminal = restore->options->shell_job ? terminal_of_caller() : -1;
    if (terminal < 0)
        return fail(e, ENOTTY, "needs the caller's terminal (--shell-job on a terminal)");
    snprintf(name, sizeof(name), "%d", terminal);
    int flags = (int)tty->flags & (O_ACCMODE | O_NONBLOCK | O_APPEND);
    file->fd = openat(restore->proc_self_fds, name, flags | O_NOCTTY | O_CLOEXEC);
    return file->fd < 0 ? fail_errno(e, "cannot open the caller's terminal") : 0;
}

const struct file_kind tty_kind = {
    .type = FD_TYPES__TTY,
    .name = "terminal",
    .recognise = recognise_tty,
    .save = save_tty,
    .stage = stage_tty,
};
