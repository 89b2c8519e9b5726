#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "kernel/procfs.h"
#include "objects/namespace.h"
#include "objects/namespace_kinds.h"

/* Offsets of a time namespace to the first one's clocks. See time_namespaces(7). */
struct time_offsets {
    struct timespec monotonic, boottime;
};

static struct timespec timespec_sum(struct timespec a, struct timespec b, int sign)
{
    struct timespec sum = {a.tv_sec + sign * b.tv_sec, a.tv_nsec + sign * b.tv_nsec};
    if (sum.tv_nsec < 0) {
        sum.tv_sec--;
        sum.tv_nsec += 1000000000;
    } else if (sum.tv_nsec >= 1000000000) {
        sum.tv_sec++;
        sum.tv_nsec -= 1000000000;
    }
    return sum;
}

/* The file shows the namespace that the process's next children will be in: with the tree
 * checked by namespaces_of_tree, its own. A kernel without time namespaces has no offsets. */
static int read_offsets(int proc, struct arena *arena, struct time_offsets *offsets,
                        struct error *e)
{
    *offsets = (struct time_offsets){0};
    if (faccessat(proc, "timens_offsets", F_OK, 0) < 0)
        return 0;
    char *text = read_file_at(proc, "timens_offsets", arena, NULL, e);
    if (!text)
        return -1;
    int64_t mono[2], boot[2];
    if (sscanf(text, "monotonic %" SCNd64 " %" SCNd64 " boottime %" SCNd64 " %" SCNd64, &mono[0],
               &mono[1], &boot[0], &boot[1]) != 4)
        return fail(e, EBADMSG, "timens_offsets is not understood");
    offsets->monotonic = (struct timespec){mono[0], mono[1]};
    offsets->boottime = (struct timespec){boot[0], boot[1]};
    return 0;
}

static int read_own_offsets(struct arena *arena, struct time_offsets *offsets, struct error *e)
{
    AUTO_CLOSE int self = proc_open_self(e);
    return self < 0 ? -1 : read_offsets(self, arena, offsets, e);
}

/* A clock as a namespace with `theirs` shows it, read by one with `own`. */
static struct timespec read_clock(clockid_t clock, struct timespec own, struct timespec theirs)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return timespec_sum(timespec_sum(now, own, -1), theirs, 1);
}

int timens_save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    struct time_offsets own = {0}, theirs = {0};
    if (ns && (read_own_offsets(dump->arena, &own, e) < 0 ||
               read_offsets(dump->root->proc, dump->arena, &theirs, e) < 0))
        return -1;
    struct timespec now[2] = {read_clock(CLOCK_MONOTONIC, own.monotonic, theirs.monotonic),
                              read_clock(CLOCK_BOOTTIME, own.boottime, theirs.boottime)};
    Timespec monotonic = TIMESPEC__INIT, boottime = TIMESPEC__INIT;
    monotonic.tv_sec = (uint64_t)now[0].tv_sec;
    monotonic.tv_nsec = (uint64_t)now[0].tv_nsec;
    boottime.tv_sec = (uint64_t)now[1].tv_sec;
    boottime.tv_nsec = (uint64_t)now[1].tv_nsec;
    TimensEntry entry = TIMENS_ENTRY__INIT;
    entry.monotonic = &monotonic;
    entry.boottime = &boottime;
    return image_write_one(dump->images, IMAGE_TIMENS, ns ? ns->id : 0, &entry.base, e);
}

static int save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    return timens_save(dump, ns, e);
}

/* The offset that lets a clock go on from where the image has it. */
static int clock_offset(clockid_t clock, const Timespec *saved, struct timespec own,
                        struct timespec *offset, struct error *e)
{
    if (saved->tv_nsec >= 1000000000 || saved->tv_sec > INT64_MAX / 1000000000)
        return fail(e, EBADMSG, "image has an impossible time");
    struct timespec then = {(time_t)saved->tv_sec, (long)saved->tv_nsec};
    *offset = timespec_sum(then, read_clock(clock, own, (struct timespec){0}), -1);
    return 0;
}

static int compute_offsets(struct restore *restore, uint32_t id, struct time_offsets *offsets,
                           struct error *e)
{
    struct time_offsets own;
    const TimensEntry *entry = image_read_one(restore->arena, restore->images_dir, IMAGE_TIMENS, id,
                                              &timens_entry__descriptor, e);
    if (!entry || read_own_offsets(restore->arena, &own, e) < 0 ||
        clock_offset(CLOCK_MONOTONIC, entry->monotonic, own.monotonic, &offsets->monotonic, e) < 0)
        return -1;
    return clock_offset(CLOCK_BOOTTIME, entry->boottime, own.boottime, &offsets->boottime, e);
}

int timens_begin(struct restore *restore, const struct namespace_plan *plan, struct error *e)
{
    struct time_offsets offsets;
    char text[160];
    if (!plan->ids[NS_TIME])
        return 0;
    if (compute_offsets(restore, plan->ids[NS_TIME], &offsets, e) < 0)
        return fail_in(e, "time namespace");
    if (unshare(CLONE_NEWTIME) < 0)
        return fail_errno(e, "cannot make a time namespace");
    snprintf(text, sizeof(text), "monotonic %lld %ld\nboottime %lld %ld\n",
             (long long)offsets.monotonic.tv_sec, offsets.monotonic.tv_nsec,
             (long long)offsets.boottime.tv_sec, offsets.boottime.tv_nsec);
    if (write_string_at(AT_FDCWD, "/proc/self/timens_offsets", text, e) == 0)
        return 0;
    timens_end(plan);
    return fail_in(e, "cannot set clock offsets");
}

void timens_end(const struct namespace_plan *plan)
{
    if (!plan->ids[NS_TIME])
        return;
    AUTO_CLOSE int own = open("/proc/thread-self/ns/time", O_RDONLY | O_CLOEXEC);
    (void)setns(own, CLONE_NEWTIME);
}

const struct namespace_kind time_namespace_kind = {
    .type = NS_TIME, .proc_name = "time", .clone_flag = CLONE_NEWTIME, .save = save};
