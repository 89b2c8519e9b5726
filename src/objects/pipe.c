/* Pipes and what is in them. See pipe(7), tee(2). */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "objects/kinds.h"
#include "objects/registry.h"

enum { default_pipe_size = 65536 };

static bool recognise_pipe(const struct fd_view *view)
{
    return S_ISFIFO(view->st.st_mode) && starts_with(view->link, "pipe:[");
}

static bool is_first_sight(struct dump *dump, uint32_t pipe_id)
{
    for (size_t i = 0; i < dump->pipes_seen.count; i++)
        if (dump->pipes_seen.items[i] == pipe_id)
            return false;
    vec_add(dump->arena, &dump->pipes_seen, pipe_id);
    return true;
}

/* Copies what is in the pipe, leaving it there: tee(2) into a pipe of our own, then read. */
static unsigned char *copy_contents(struct dump *dump, const struct fd_view *view, size_t size,
                                    size_t bytes, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        fail_errno(e, "cannot make a pipe");
        return NULL;
    }
    AUTO_CLOSE int from = ends[0];
    AUTO_CLOSE int to = ends[1];
    unsigned char *data = arena_alloc(dump->arena, bytes);
    if (fcntl(to, F_SETPIPE_SZ, size) < 0) {
        fail_errno(e, "cannot make a pipe of %zu bytes", size);
        return NULL;
    }
    ssize_t copied = tee(view->fd, to, bytes, SPLICE_F_NONBLOCK);
    if (copied != (ssize_t)bytes || read_full(from, data, bytes) != (ssize_t)bytes) {
        fail_errno(e, "cannot copy %zu bytes that are in the pipe", bytes);
        return NULL;
    }
    return data;
}

static int save_contents(struct dump *dump, const struct fd_view *view, uint32_t pipe_id,
                         struct error *e)
{
    int bytes = 0, size = fcntl(view->fd, F_GETPIPE_SZ);
    if (size < 0 || ioctl(view->fd, FIONREAD, &bytes) < 0)
        return fail_errno(e, "cannot ask for the contents of the pipe");
    if (bytes == 0 && size == default_pipe_size)
        return 0;
    PipeDataEntry entry = PIPE_DATA_ENTRY__INIT;
    entry.pipe_id = pipe_id;
    entry.bytes = (uint32_t)bytes;
    entry.has_size = 1;
    entry.size = (uint32_t)size;
    unsigned char *data = NULL;
    if (bytes && view->flags & O_DIRECT)
        return fail(e, ENOTSUP, "pipe in packet mode with packets in it: not supported yet");
    if (bytes && !(data = copy_contents(dump, view, (size_t)size, (size_t)bytes, e)))
        return -1;
    if (!dump->pipes_data)
        dump->pipes_data = image_create(dump->images, IMAGE_PIPES_DATA, 0);
    image_add(dump->pipes_data, &entry.base);
    image_add_raw(dump->pipes_data, data, (size_t)bytes);
    return 0;
}

static int save_pipe(struct dump *dump, const struct fd_view *view, FileEntry *entry,
                     struct error *e)
{
    PipeEntry *pipe = arena_alloc(dump->arena, sizeof(*pipe));
    pipe_entry__init(pipe);
    pipe->fown = arena_alloc(dump->arena, sizeof(*pipe->fown));
    pipe->id = entry->id;
    pipe->pipe_id = (uint32_t)view->st.st_ino;
    pipe->flags = view->flags;
    /* What nobody in the tree reads belongs to a reader outside, who still gets it. */
    bool reads = (view->flags & O_ACCMODE) != O_WRONLY;
    if (save_owner_of_signals(view, pipe->fown, e) < 0 ||
        (reads && is_first_sight(dump, pipe->pipe_id) &&
         save_contents(dump, view, pipe->pipe_id, e) < 0))
        return fail_in(e, "%s", describe_view(dump->arena, view));
    entry->pipe = pipe;
    return 0;
}

const struct file_kind pipe_kind = {
    .type = FD_TYPES__PIPE,
    .name = "pipe",
    .recognise = recognise_pipe,
    .save = save_pipe,
};
