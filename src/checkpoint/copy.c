#include "checkpoint/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "checkpoint/send.h"

enum {
    chunk_bytes = 512 * 1024, /* fits into a second-level cache: the second copy finds it there */
    pieces_at_once = 128,
    most_workers = 4,
    bytes_for_workers = 8 * 1024 * 1024, /* less is done sooner than threads are started */
    bytes_to_send = 1024 * 1024,         /* smaller ranges are not worth an operation */
};

/* A part of the work: consecutive in the file, scattered in the process. */
struct chunk {
    struct iovec pieces[pieces_at_once];
    int piece_count;
    size_t bytes;
    off_t offset;
};

struct job {
    const struct task *task;
    int memory; /* /proc/PID/mem */
    int file;
    VEC(struct chunk) chunks;
    atomic_size_t next;
    atomic_int failed;
    struct error error; /* of the worker that set `failed` first */
};

static bool continues(const struct chunk *chunk, uint64_t offset)
{
    return chunk && chunk->bytes < chunk_bytes && chunk->piece_count < pieces_at_once &&
           (uint64_t)chunk->offset + chunk->bytes == offset;
}

static void plan_chunks(struct arena *arena, struct job *job, const placed_ranges *ranges)
{
    struct chunk *chunk = NULL;
    for (size_t i = 0; i < ranges->count; i++) {
        uint64_t offset = ranges->items[i].offset, end = ranges->items[i].range.end;
        for (uint64_t at = ranges->items[i].range.start; at < end;) {
            if (!continues(chunk, offset)) {
                chunk = vec_push(arena, &job->chunks);
                chunk->offset = (off_t)offset;
            }
            size_t bytes = end - at;
            if (bytes > chunk_bytes - chunk->bytes)
                bytes = chunk_bytes - chunk->bytes;
            chunk->pieces[chunk->piece_count++] = (struct iovec){(void *)at, bytes};
            chunk->bytes += bytes;
            offset += bytes;
            at += bytes;
        }
    }
}

/* process_vm_readv(2) would be one copy less, but it pins what it reads, and the kernel gives every
 * page that is shared by copy-on-write a copy of its own before it is pinned (FAULT_FLAG_UNSHARE):
 * looking would double the target's memory. /proc/PID/mem takes no pins; it also reads PROT_NONE.
 */
static int read_chunk(const struct job *job, const struct chunk *chunk, char *buffer)
{
    for (int i = 0; i < chunk->piece_count; i++) {
        size_t left = chunk->pieces[i].iov_len;
        off_t at = (off_t)(uintptr_t)chunk->pieces[i].iov_base;
        while (left) {
            ssize_t got = pread(job->memory, buffer, left, at);
            if (got <= 0)
                return -1;
            buffer += got;
            at += got;
            left -= (size_t)got;
        }
    }
    return 0;
}

static int write_chunk(int file, const struct chunk *chunk, const char *buffer)
{
    for (size_t done = 0; done < chunk->bytes;) {
        ssize_t n = pwrite(file, buffer + done, chunk->bytes - done, chunk->offset + (off_t)done);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

static void give_up(struct job *job, const char *words)
{
    struct error why = {0};
    fail_errno(&why, TASK_FORMAT ": %s", TASK_NAME(job->task), words);
    int expected = 0;
    if (atomic_compare_exchange_strong(&job->failed, &expected, 1))
        job->error = why;
}

static void *work(void *argument)
{
    struct job *job = argument;
    char *buffer =
        mmap(NULL, chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        give_up(job, "no memory to copy its pages");
        return NULL;
    }
    size_t n;
    while (!atomic_load(&job->failed) &&
           (n = atomic_fetch_add(&job->next, 1)) < job->chunks.count) {
        if (read_chunk(job, &job->chunks.items[n], buffer) < 0)
            give_up(job, "cannot read its memory");
        else if (write_chunk(job->file, &job->chunks.items[n], buffer) < 0)
            give_up(job, "cannot write its pages");
    }
    munmap(buffer, chunk_bytes);
    return NULL;
}

static size_t worker_count(const struct job *job)
{
    size_t bytes = job->chunks.count * (size_t)chunk_bytes;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (bytes < bytes_for_workers || processors < 2)
        return 1;
    return processors < most_workers ? (size_t)processors : most_workers;
}

static void share_work(struct job *job)
{
    pthread_t threads[most_workers];
    size_t wanted = worker_count(job), started = 0;
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, work, job) == 0)
        started++;
    work(job);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static int create_pages(struct tree *tree, uint32_t pages_id, struct error *e)
{
    char name[32];
    snprintf(name, sizeof(name), "pages-%u.img", pages_id);
    return image_set_create(tree->dump->images, name, e);
}

/* Where every range comes to stand in the file; those that are large apart. */
static uint64_t place_ranges(struct arena *arena, const struct task *task,
                             const page_ranges *ranges, placed_ranges *large, placed_ranges *rest)
{
    uint64_t offset = 0, large_bytes = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct page_range *range = &ranges->items[i];
        uint64_t bytes = range->end - range->start;
        bool is_large = bytes >= bytes_to_send && can_send(task, range);
        large_bytes += is_large ? bytes : 0;
        vec_add(arena, is_large ? large : rest, ((struct placed_range){*range, offset}));
        offset += bytes;
    }
    return large_bytes;
}

static int work_on(struct tree *tree, const struct task *task, int file,
                   const placed_ranges *ranges, struct error *e)
{
    if (ranges->count == 0)
        return 0;
    AUTO_CLOSE int memory = openat(task->owner.proc, "mem", O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return fail_errno(e, TASK_FORMAT ": cannot open its memory", TASK_NAME(task));
    struct job job = {.task = task, .memory = memory, .file = file};
    plan_chunks(tree->dump->arena, &job, ranges);
    share_work(&job);
    if (!atomic_load(&job.failed))
        return 0;
    *e = job.error;
    return -1;
}

int copy_pages(struct tree *tree, struct task *task, uint32_t pages_id, const page_ranges *ranges,
               struct error *e)
{
    placed_ranges large = {0}, rest = {0};
    AUTO_CLOSE int file = create_pages(tree, pages_id, e);
    if (file < 0)
        return -1;
    uint64_t bytes = place_ranges(tree->dump->arena, task, ranges, &large, &rest);
    struct error why;
    if (bytes >= bytes_for_workers && shares_our_memory_cgroup(tree, task)) {
        if (send_pages(tree, task, file, &large, &why) == 0)
            large.count = 0;
        else
            log_line(tree->dump->log, LOG_INFO, "Copying from outside: %s", why.text);
    }
    if (work_on(tree, task, file, &large, e) < 0)
        return -1;
    return work_on(tree, task, file, &rest, e);
}
