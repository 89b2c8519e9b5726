/* linux.resources but for its devices, on v1 and on v2. OCI config-linux; the kernel's
 * admin-guide/cgroup-v1 and cgroup-v2. */
#include <errno.h>
#include <string.h>

#include "runtime/cgroup.h"
#include "runtime/cgroup_controller.h"

static int set_memory_v1(const struct controller *memory, json_int_t limit, json_int_t swap,
                         struct arena *arena, struct error *e)
{
    static const char limit_file[] = "memory.limit_in_bytes";
    static const char swap_file[] = "memory.memsw.limit_in_bytes";
    if (swap && !cgroup_has_file(memory, swap_file))
        swap = 0; /* swap accounting is off: there is nothing to limit */
    /* The kernel keeps limit <= memory and swap at every moment; which of the two has to go first
     * depends on the direction. */
    if (limit && swap && cgroup_set_number(memory, limit_file, limit, arena, e) < 0 &&
        cgroup_set_number(memory, swap_file, swap, arena, e) < 0)
        return -1;
    if (limit && cgroup_set_number(memory, limit_file, limit, arena, e) < 0)
        return -1;
    return swap ? cgroup_set_number(memory, swap_file, swap, arena, e) : 0;
}

static int set_memory_v2(const struct controller *memory, json_int_t limit, json_int_t swap,
                         struct arena *arena, struct error *e)
{
    if (limit && cgroup_set_number(memory, "memory.max", limit, arena, e) < 0)
        return -1;
    if (!swap || !cgroup_has_file(memory, "memory.swap.max"))
        return 0;
    /* OCI counts memory and swap together, v2 swap alone. */
    if (swap > 0 && limit > 0 && swap < limit)
        return fail(e, EINVAL, "memory.swap is less than memory.limit");
    json_int_t alone = swap > 0 && limit > 0 ? swap - limit : swap;
    return cgroup_set_number(memory, "memory.swap.max", alone, arena, e);
}

static int set_memory(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                      struct error *e)
{
    json_int_t limit = cgroup_json_number(json, "limit"), swap = cgroup_json_number(json, "swap");
    json_int_t reservation = cgroup_json_number(json, "reservation");
    const json_t *swappiness = json_object_get(json, "swappiness");
    bool no_oom_killer = json_is_true(json_object_get(json, "disableOOMKiller"));
    if (!limit && !swap && !reservation && !json_is_integer(swappiness) && !no_oom_killer)
        return 0;
    AUTO_CONTROLLER struct controller memory = {.directory = -1};
    if (cgroup_open_controller(&memory, cgroup, "memory", e) < 0)
        return -1;
    int done = memory.v2 ? set_memory_v2(&memory, limit, swap, arena, e)
                         : set_memory_v1(&memory, limit, swap, arena, e);
    if (done < 0)
        return -1;
    const char *reservation_file = memory.v2 ? "memory.low" : "memory.soft_limit_in_bytes";
    if (reservation && cgroup_set_number(&memory, reservation_file, reservation, arena, e) < 0)
        return -1;
    /* v2 has neither of the other two. */
    if (!memory.v2 && json_is_integer(swappiness) &&
        cgroup_set_number(&memory, "memory.swappiness", json_integer_value(swappiness), arena, e) <
            0)
        return -1;
    return no_oom_killer && !memory.v2 ? cgroup_set_text(&memory, "memory.oom_control", "1", e) : 0;
}

static int set_cpu_v1(const struct controller *cpu, const json_t *json, struct arena *arena,
                      struct error *e)
{
    static const struct {
        const char *key, *file;
    } files[] = {{"shares", "cpu.shares"},
                 {"period", "cpu.cfs_period_us"},
                 {"quota", "cpu.cfs_quota_us"},
                 {"realtimePeriod", "cpu.rt_period_us"},
                 {"realtimeRuntime", "cpu.rt_runtime_us"}};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        json_int_t value = cgroup_json_number(json, files[i].key);
        if (value && cgroup_set_number(cpu, files[i].file, value, arena, e) < 0)
            return -1;
    }
    return 0;
}

static int set_cpu_v2(const struct controller *cpu, const json_t *json, struct arena *arena,
                      struct error *e)
{
    json_int_t shares = cgroup_json_number(json, "shares"),
               quota = cgroup_json_number(json, "quota");
    json_int_t period = cgroup_json_number(json, "period");
    if (shares) {
        /* v1 counts from 2 to 262144, v2 from 1 to 10000. */
        json_int_t bounded = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
        json_int_t weight = 1 + (bounded - 2) * 9999 / 262142;
        if (cgroup_set_number(cpu, "cpu.weight", weight, arena, e) < 0)
            return -1;
    }
    if (!quota && !period)
        return 0;
    const char *most = quota > 0 ? arena_printf(arena, "%" JSON_INTEGER_FORMAT, quota) : "max";
    const char *text = arena_printf(arena, "%s %" JSON_INTEGER_FORMAT, most,
                                    period > 0 ? period : (json_int_t)100000);
    return cgroup_set_text(cpu, "cpu.max", text, e);
}

static int set_cpu(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                   struct error *e)
{
    if (!cgroup_json_number(json, "shares") && !cgroup_json_number(json, "quota") &&
        !cgroup_json_number(json, "period") && !cgroup_json_number(json, "realtimePeriod") &&
        !cgroup_json_number(json, "realtimeRuntime"))
        return 0;
    AUTO_CONTROLLER struct controller cpu = {.directory = -1};
    if (cgroup_open_controller(&cpu, cgroup, "cpu", e) < 0)
        return -1;
    return cpu.v2 ? set_cpu_v2(&cpu, json, arena, e) : set_cpu_v1(&cpu, json, arena, e);
}

static int set_cpuset(const struct cgroup *cgroup, const json_t *json, struct error *e)
{
    const char *cpus = json_string_value(json_object_get(json, "cpus"));
    const char *mems = json_string_value(json_object_get(json, "mems"));
    if (!(cpus && *cpus) && !(mems && *mems))
        return 0;
    AUTO_CONTROLLER struct controller cpuset = {.directory = -1};
    if (cgroup_open_controller(&cpuset, cgroup, "cpuset", e) < 0)
        return -1;
    if (cpus && *cpus && cgroup_set_text(&cpuset, "cpuset.cpus", cpus, e) < 0)
        return -1;
    return mems && *mems ? cgroup_set_text(&cpuset, "cpuset.mems", mems, e) : 0;
}

static int set_pids(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                    struct error *e)
{
    json_int_t limit = cgroup_json_number(json, "limit");
    if (!limit)
        return 0;
    AUTO_CONTROLLER struct controller pids = {.directory = -1};
    if (cgroup_open_controller(&pids, cgroup, "pids", e) < 0)
        return -1;
    return limit < 0 ? cgroup_set_text(&pids, "pids.max", "max", e)
                     : cgroup_set_number(&pids, "pids.max", limit, arena, e);
}

static int set_huge_pages(const struct cgroup *cgroup, json_t *json, struct arena *arena,
                          struct error *e)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (json, i, item) {
        const char *size = json_string_value(json_object_get(item, "pageSize"));
        AUTO_CONTROLLER struct controller huge = {.directory = -1};
        if (!size || !*size || strchr(size, '/'))
            return fail(e, EINVAL, "hugepageLimits: not a page size");
        if (cgroup_open_controller(&huge, cgroup, "hugetlb", e) < 0)
            return -1;
        const char *file =
            arena_printf(arena, huge.v2 ? "hugetlb.%s.max" : "hugetlb.%s.limit_in_bytes", size);
        if (cgroup_set_number(&huge, file, cgroup_json_number(item, "limit"), arena, e) < 0)
            return -1;
    }
    return 0;
}

int cgroup_set_limits(const struct cgroup *cgroup, const json_t *resources, struct arena *arena,
                      struct error *e)
{
    const json_t *cpu = json_object_get(resources, "cpu");
    if (set_memory(cgroup, json_object_get(resources, "memory"), arena, e) < 0 ||
        set_cpu(cgroup, cpu, arena, e) < 0 || set_cpuset(cgroup, cpu, e) < 0 ||
        set_pids(cgroup, json_object_get(resources, "pids"), arena, e) < 0 ||
        cgroup_set_block_limits(cgroup, json_object_get(resources, "blockIO"), arena, e) < 0 ||
        set_huge_pages(cgroup, json_object_get(resources, "hugepageLimits"), arena, e) < 0)
        return fail_in(e, "linux.resources");
    if (cgroup_set_devices(cgroup, json_object_get(resources, "devices"), arena, e) < 0)
        return fail_in(e, "linux.resources.devices");
    return 0;
}
