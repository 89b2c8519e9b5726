#include "image/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

struct file {
    const char *name;
    const void *data;
    size_t size;
};

struct writer {
    struct arena *arena;
    int dir_fd;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    VEC(struct file) files;
    size_t taken;
    bool closing;
    struct error error;
};

static int write_file(int dir_fd, const struct file *file, struct error *e)
{
    AUTO_CLOSE int fd =
        openat(dir_fd, file->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_all(fd, file->data, file->size) < 0)
        return fail_errno(e, "cannot write %s", file->name);
    return 0;
}

/* The next file to write; false once there will be none. */
static bool take_file(struct writer *writer, struct file *file)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->taken == writer->files.count && !writer->closing)
        pthread_cond_wait(&writer->changed, &writer->mutex);
    bool any = writer->taken < writer->files.count && !writer->error.code;
    if (any)
        *file = writer->files.items[writer->taken++];
    pthread_mutex_unlock(&writer->mutex);
    return any;
}

static void note_failure(struct writer *writer, const struct error *why)
{
    pthread_mutex_lock(&writer->mutex);
    if (!writer->error.code)
        writer->error = *why;
    pthread_mutex_unlock(&writer->mutex);
}

static void *write_files(void *argument)
{
    struct writer *writer = argument;
    struct file file;
    while (take_file(writer, &file)) {
        struct error why = {0};
        if (write_file(writer->dir_fd, &file, &why) < 0)
            note_failure(writer, &why);
    }
    return NULL;
}

struct writer *writer_start(struct arena *arena, int dir_fd)
{
    struct writer *writer = arena_alloc(arena, sizeof(*writer));
    sigset_t all, old;
    writer->arena = arena;
    writer->dir_fd = dir_fd;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->changed, NULL);
    /* Signals are for the threads of the program that called us. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    writer->running = pthread_create(&writer->thread, NULL, write_files, writer) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return writer;
}

int writer_add(struct writer *writer, const char *name, const void *data, size_t size,
               struct error *e)
{
    pthread_mutex_lock(&writer->mutex);
    vec_add(writer->arena, &writer->files, ((struct file){name, data, size}));
    bool failed = writer->error.code != 0;
    if (failed)
        *e = writer->error;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    return failed ? -1 : 0;
}

int writer_finish(struct writer *writer, struct error *e)
{
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    if (writer->running)
        pthread_join(writer->thread, NULL);
    else
        write_files(writer); /* there was no thread to be had */
    writer->running = false;
    if (!writer->error.code)
        return 0;
    *e = writer->error;
    return -1;
}
