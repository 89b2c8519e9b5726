/* Which devices the processes of a cgroup may use. The kernel's cgroup-v1/devices;
 * bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE. */
#ifndef STASIS_RUNTIME_CGROUP_DEVICES_H
#define STASIS_RUNTIME_CGROUP_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum { any_number = -1 };

struct device_rule {
    bool allow;
    char type;         /* 'a', 'b' or 'c' */
    long major, minor; /* or any_number */
    bool read, write, make;
};

/* v2: attaches a program that decides as the last fitting rule says; everything is allowed that no
 * rule fits. It replaces the one of an earlier call. 0 or -1. */
int cgroup_attach_device_program(int cgroup_directory, const struct device_rule *rules,
                                 size_t count, struct error *e);

#endif
