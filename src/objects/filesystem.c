#include "objects/filesystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "objects/mount.h"

/* A message queue is a file of its mount. */
static int refuse_message_queues(struct dump *dump, const struct mount *mount, int directory,
                                 struct error *e)
{
    (void)dump;
    (void)mount;
    AUTO_CLOSEDIR DIR *dir = open_list(directory);
    if (!dir)
        return fail_errno(e, "cannot list it");
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return fail(e, ENOTSUP, "POSIX message queue /%s: not supported", entry->d_name);
    return 0;
}

static const struct filesystem_kind kinds[] = {
    {.name = "proc", .number = FSTYPE__PROC, .renewable = true, .follows = NS_PID},
    {.name = "sysfs", .number = FSTYPE__SYSFS, .renewable = true, .follows = NS_NET},
    {.name = "devtmpfs", .number = FSTYPE__DEVTMPFS, .renewable = true, .follows = NS_TYPES},
    {.name = "tmpfs",
     .number = FSTYPE__TMPFS,
     .renewable = true,
     .follows = NS_TYPES,
     .private_instance = true,
     .save = tmpfs_save,
     .fill = tmpfs_fill},
    {.name = "devpts",
     .number = FSTYPE__DEVPTS,
     .renewable = true,
     .follows = NS_TYPES,
     .private_instance = true},
    {.name = "mqueue",
     .number = FSTYPE__MQUEUE,
     .renewable = true,
     .follows = NS_IPC,
     .save = refuse_message_queues},
    {.name = "cgroup", .number = FSTYPE__CGROUP, .renewable = true, .follows = NS_TYPES},
    {.name = "cgroup2", .number = FSTYPE__CGROUP2, .renewable = true, .follows = NS_TYPES},
    {.name = "pstore", .number = FSTYPE__PSTORE, .renewable = true, .follows = NS_TYPES},
    {.name = "securityfs", .number = FSTYPE__SECURITYFS, .renewable = true, .follows = NS_TYPES},
    {.name = "fusectl", .number = FSTYPE__FUSECTL, .renewable = true, .follows = NS_TYPES},
    {.name = "debugfs", .number = FSTYPE__DEBUGFS, .renewable = true, .follows = NS_TYPES},
    {.name = "tracefs", .number = FSTYPE__TRACEFS, .renewable = true, .follows = NS_TYPES},
    {.name = "overlay", .number = FSTYPE__OVERLAYFS},
    {.name = "fuse", .number = FSTYPE__FUSE},
    {.name = "autofs", .number = FSTYPE__AUTOFS},
    {.name = "binfmt_misc", .number = FSTYPE__BINFMT_MISC},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const struct filesystem_kind *filesystem_kind_by_name(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

const struct filesystem_kind *filesystem_kind_by_number(uint32_t number)
{
    for (int i = 0; i < KINDS; i++)
        if (kinds[i].number == number)
            return &kinds[i];
    return NULL;
}
