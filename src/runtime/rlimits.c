#include "runtime/rlimits.h"

#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name;
    int number;
} known_limits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

enum { known_count = sizeof(known_limits) / sizeof(*known_limits) };

int rlimit_number(const char *name)
{
    for (int i = 0; i < known_count; i++)
        if (!strcmp(known_limits[i].name, name))
            return known_limits[i].number;
    return -1;
}

static const char *rlimit_name(int number)
{
    for (int i = 0; i < known_count; i++)
        if (known_limits[i].number == number)
            return known_limits[i].name;
    return "?";
}

int rlimits_apply(const struct process_spec *process, struct error *e)
{
    for (size_t i = 0; i < process->limits_count; i++) {
        const struct resource_limit *wanted = &process->limits[i];
        struct rlimit limit = {.rlim_cur = wanted->soft, .rlim_max = wanted->hard};
        if (setrlimit((unsigned)wanted->resource, &limit) < 0)
            return fail_errno(e, "cannot set %s to %llu:%llu", rlimit_name(wanted->resource),
                              (unsigned long long)wanted->soft, (unsigned long long)wanted->hard);
    }
    return 0;
}
