#include "checkpoint/send.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "checkpoint/foothold.h"

enum { most_ranges = 256 }; /* more would not be large, nor fit into an area */

bool can_send(const struct task *task, const struct page_range *range)
{
    if (task->limits[RLIMIT_FSIZE].rlim_cur != RLIM_INFINITY)
        return false;
    for (size_t i = 0; i < task->vmas.count; i++) {
        const struct proc_vma *vma = &task->vmas.items[i];
        if (vma->start < range->end && vma->end > range->start && !(vma->prot & PROT_READ))
            return false;
    }
    return true;
}

/* The line of /proc/PID/cgroup that says who pays for memory: `4:memory:/a` on v1, `0::/a` on v2.
 */
static const char *memory_cgroup_line(const char *text)
{
    const char *line = strstr(text, ":memory:");
    return line ? line : strstr(text, "0::");
}

bool shares_our_memory_cgroup(struct tree *tree, const struct task *task)
{
    struct error ignored;
    struct arena *arena = tree->dump->arena;
    const char *theirs = read_file_at(task->owner.proc, "cgroup", arena, NULL, &ignored);
    const char *ours = read_file_at(AT_FDCWD, "/proc/self/cgroup", arena, NULL, &ignored);
    theirs = theirs ? memory_cgroup_line(theirs) : NULL;
    ours = ours ? memory_cgroup_line(ours) : NULL;
    if (!theirs || !ours)
        return false;
    size_t length = strcspn(ours, "\n");
    return strcspn(theirs, "\n") == length && !strncmp(ours, theirs, length);
}

/* What the process holds while it writes: descriptors in it, to be closed again. */
struct channel {
    int32_t ends[2];
    int32_t file;
};

static int run(struct foothold *foothold, struct script *script, struct error *e)
{
    return foothold_run(foothold, &foothold->task->threads.items[0], script, e);
}

static int make_socket(struct foothold *foothold, struct channel *channel, struct error *e)
{
    struct script script;
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    int32_t *ends = script_room(&foothold->area, sizeof(channel->ends));
    script_must_be(SCRIPT_CALL(&script, "make a socket", SYS_socketpair, AF_UNIX,
                               SOCK_DGRAM | SOCK_CLOEXEC, 0, script_remote(&foothold->area, ends)),
                   0);
    if (run(foothold, &script, e) < 0)
        return -1;
    memcpy(channel->ends, ends, sizeof(channel->ends));
    return 0;
}

/* A message of one byte and one descriptor. */
struct parcel {
    struct msghdr header;
    struct iovec body;
    char byte;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static int post_file(const struct foothold *foothold, const struct channel *channel, int file,
                     struct error *e)
{
    struct parcel parcel = {.byte = 'f'};
    parcel.body = (struct iovec){&parcel.byte, 1};
    parcel.header = (struct msghdr){.msg_iov = &parcel.body,
                                    .msg_iovlen = 1,
                                    .msg_control = parcel.control,
                                    .msg_controllen = sizeof(parcel.control)};
    struct cmsghdr *control = CMSG_FIRSTHDR(&parcel.header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(control), &file, sizeof(file));
    AUTO_CLOSE int end =
        (int)syscall(SYS_pidfd_getfd, foothold->task->owner.pidfd, channel->ends[0], 0);
    if (end < 0 || sendmsg(end, &parcel.header, 0) != 1)
        return fail_errno(e, "cannot hand a file to the process");
    return 0;
}

static int receive_file(struct foothold *foothold, struct channel *channel, struct error *e)
{
    struct script script;
    struct script_area *area = &foothold->area;
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    struct parcel *parcel = script_room(area, sizeof(*parcel));
    parcel->body = (struct iovec){(void *)script_remote(area, &parcel->byte), 1};
    parcel->header = (struct msghdr){.msg_iov = (void *)script_remote(area, &parcel->body),
                                     .msg_iovlen = 1,
                                     .msg_control = (void *)script_remote(area, parcel->control),
                                     .msg_controllen = sizeof(parcel->control)};
    script_must_be(SCRIPT_CALL(&script, "receive the pages file", SYS_recvmsg,
                               (uint64_t)channel->ends[1], script_remote(area, &parcel->header),
                               MSG_CMSG_CLOEXEC),
                   1);
    if (run(foothold, &script, e) < 0)
        return -1;
    const struct cmsghdr *control = (const struct cmsghdr *)parcel->control;
    if (parcel->header.msg_controllen < CMSG_LEN(sizeof(int)) || control->cmsg_type != SCM_RIGHTS)
        return fail(e, EMFILE, "the process cannot take another descriptor");
    memcpy(&channel->file, CMSG_DATA(control), sizeof(channel->file));
    return 0;
}

static int write_ranges(struct foothold *foothold, const struct channel *channel,
                        const placed_ranges *ranges, struct error *e)
{
    struct script script;
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    /* One write(2) moves no more than 2 GiB. */
    const uint64_t most = 1ULL << 30;
    for (size_t i = 0; i < ranges->count; i++) {
        uint64_t offset = ranges->items[i].offset, end = ranges->items[i].range.end;
        for (uint64_t at = ranges->items[i].range.start; at < end;) {
            uint64_t bytes = end - at < most ? end - at : most;
            script_must_be(SCRIPT_CALL(&script, "write its pages", SYS_pwrite64,
                                       (uint64_t)channel->file, at, bytes, offset),
                           (int64_t)bytes);
            at += bytes;
            offset += bytes;
        }
    }
    return run(foothold, &script, e);
}

static int close_channel(struct foothold *foothold, const struct channel *channel, struct error *e)
{
    struct script script;
    const int32_t fds[] = {channel->ends[0], channel->ends[1], channel->file};
    if (foothold_begin(foothold, &script, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            script_must_be(SCRIPT_CALL(&script, "close it again", SYS_close, (uint64_t)fds[i]), 0);
    return run(foothold, &script, e);
}

static int send_through(struct foothold *foothold, int file, const placed_ranges *ranges,
                        struct error *e)
{
    struct channel channel = {{-1, -1}, -1};
    struct error ignored;
    int result = make_socket(foothold, &channel, e);
    if (result == 0)
        result = post_file(foothold, &channel, file, e);
    if (result == 0)
        result = receive_file(foothold, &channel, e);
    if (result == 0)
        result = write_ranges(foothold, &channel, ranges, e);
    if (close_channel(foothold, &channel, result < 0 ? &ignored : e) < 0)
        result = -1;
    return result;
}

int send_pages(struct tree *tree, struct task *task, int file, const placed_ranges *ranges,
               struct error *e)
{
    struct foothold foothold;
    struct error ignored;
    if (ranges->count > most_ranges)
        return fail(e, E2BIG, "too many ranges");
    if (foothold_take(tree, task, &foothold, e) < 0)
        return -1;
    int result = send_through(&foothold, file, ranges, e);
    if (foothold_leave(&foothold, result < 0 ? &ignored : e) < 0)
        return -1;
    return result;
}
