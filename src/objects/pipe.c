/* Pipes and what is in them. See pipe(7), tee(2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* ---- restore ---- */

/* A pipe of the image in the builder: its ends, and whether a file of the image is one of them. */
struct staged_pipe {
    uint32_t id;
    int ends[2];
    bool taken[2];
};

struct staged_pipes {
    VEC(struct staged_pipe) pipes;
};

static int fill_pipe(const struct staged_pipe *pipe, const PipeDataEntry *entry, const void *data,
                     struct error *e)
{
    if (entry->has_size && entry->size && fcntl(pipe->ends[1], F_SETPIPE_SZ, entry->size) < 0)
        return fail_errno(e, "pipe %u: cannot make it %u bytes large", pipe->id, entry->size);
    /* A pipe that took it all once does so again, or nothing would ever take it out. */
    if (fcntl(pipe->ends[1], F_SETFL, O_NONBLOCK) < 0 ||
        write(pipe->ends[1], data, entry->bytes) != (ssize_t)entry->bytes ||
        fcntl(pipe->ends[1], F_SETFL, 0) < 0)
        return fail_errno(e, "pipe %u: cannot put %u bytes into it", pipe->id, entry->bytes);
    return 0;
}

/* Finds what was in the pipe. */
static int restore_contents(struct restore *restore, const struct staged_pipe *pipe,
                            struct error *e)
{
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, IMAGE_PIPES_DATA, 0, e);
    if (!reader && e->code == ENOENT) {
        *e = (struct error){0}; /* no pipe of the tree held anything */
        return 0;
    }
    if (!reader)
        return -1;
    for (;;) {
        PipeDataEntry *entry = image_next(reader, &pipe_data_entry__descriptor, e);
        if (!entry)
            return e->code ? -1 : 0;
        const void *data = image_next_raw(reader, entry->bytes, e);
        if (!data)
            return -1;
        if (entry->pipe_id == pipe->id)
            return fill_pipe(pipe, entry, data, e);
    }
}

static struct staged_pipe *pipe_by_id(struct restore *restore, uint32_t id, struct error *e)
{
    if (!restore->pipes)
        restore->pipes = arena_alloc(restore->arena, sizeof(*restore->pipes));
    for (size_t i = 0; i < restore->pipes->pipes.count; i++)
        if (restore->pipes->pipes.items[i].id == id)
            return &restore->pipes->pipes.items[i];
    struct staged_pipe pipe = {.id = id};
    if (pipe2(pipe.ends, O_CLOEXEC) < 0) {
        fail_errno(e, "cannot make a pipe");
        return NULL;
    }
    struct staged_pipe *kept = vec_push(restore->arena, &restore->pipes->pipes);
    *kept = pipe;
    return restore_contents(restore, kept, e) < 0 ? NULL : kept;
}

/* One end is one open file; a second file of the same end is opened anew. */
static int open_again(const struct restore *restore, int fd, uint32_t flags)
{
    char name[16];
    snprintf(name, sizeof(name), "%d", fd);
    return openat(restore->proc_self_fds, name, (int)(flags & O_ACCMODE) | O_CLOEXEC | O_NONBLOCK);
}

static int take_end(struct restore *restore, struct staged_pipe *pipe, uint32_t flags)
{
    unsigned end = (flags & O_ACCMODE) == O_WRONLY;
    if ((flags & O_ACCMODE) == O_RDWR || pipe->taken[end])
        return open_again(restore, pipe->ends[end], flags);
    pipe->taken[end] = true;
    return pipe->ends[end];
}

static int stage_pipe(struct restore *restore, struct staged_file *file, struct error *e)
{
    const PipeEntry *entry = file->entry->pipe;
    char key[32];
    if (!entry || (entry->flags & O_ACCMODE) == O_ACCMODE)
        return fail(e, EBADMSG, "damaged entry");
    snprintf(key, sizeof(key), "pipe:[%u]", entry->pipe_id);
    int inherited = inherited_fd(restore, key);
    if (inherited >= 0) {
        file->fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0);
        return file->fd < 0 ? fail_errno(e, "%s: descriptor %d", key, inherited) : 0;
    }
    struct staged_pipe *pipe = pipe_by_id(restore, entry->pipe_id, e);
    if (!pipe)
        return -1;
    file->fd = take_end(restore, pipe, entry->flags);
    int flags = (int)entry->flags & (O_NONBLOCK | O_DIRECT | O_APPEND | O_ASYNC);
    if (file->fd < 0 || fcntl(file->fd, F_SETFL, flags) < 0)
        return fail_errno(e, "%s: cannot open it", key);
    return 0;
}

static void close_other_ends(struct restore *restore)
{
    if (!restore->pipes)
        return;
    for (size_t i = 0; i < restore->pipes->pipes.count; i++)
        for (int end = 0; end < 2; end++)
            if (!restore->pipes->pipes.items[i].taken[end])
                close(restore->pipes->pipes.items[i].ends[end]);
    restore->pipes->pipes.count = 0;
}

const struct file_kind pipe_kind = {
    .type = FD_TYPES__PIPE,
    .name = "pipe",
    .recognise = recognise_pipe,
    .save = save_pipe,
    .stage = stage_pipe,
    .end_staging = close_other_ends,
};
