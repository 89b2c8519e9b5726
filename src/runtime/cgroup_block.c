/* Weight and throttling of block devices. The kernel's cgroup-v1/blkio-controller and cgroup-v2. */
#include <errno.h>

#include "runtime/cgroup_controller.h"

static int open_block(struct controller *block, const struct cgroup *cgroup, struct error *e)
{
    bool v1 = hierarchies_v1(&cgroup->hierarchies, "blkio");
    return cgroup_open_controller(block, cgroup, v1 ? "blkio" : "io", e);
}

static int set_weight(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                      struct error *e)
{
    json_int_t weight = cgroup_json_number(json, "weight");
    if (!weight)
        return 0;
    AUTO_CONTROLLER struct controller block = {.directory = -1};
    if (open_block(&block, cgroup, e) < 0)
        return -1;
    static const char *const files[] = {"blkio.weight", "blkio.bfq.weight", "io.bfq.weight"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (cgroup_has_file(&block, files[i]))
            return cgroup_set_number(&block, files[i], weight, arena, e);
    /* io.weight counts to 10000, OCI to 1000. */
    json_int_t scaled = 1 + (weight - 10) * 9999 / 990;
    return cgroup_set_number(&block, block.v2 ? "io.weight" : "blkio.weight", scaled, arena, e);
}

/* Each line of the file is a device and its rate; "io.max" of v2 names the kind of rate too. */
static int set_rate(const struct controller *block, const char *v1_file, const char *v2_key,
                    const json_t *json, struct arena *arena, struct error *e)
{
    json_int_t rate = cgroup_json_number(json, "rate");
    const char *device =
        arena_printf(arena, "%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT,
                     cgroup_json_number(json, "major"), cgroup_json_number(json, "minor"));
    const char *text = arena_printf(arena, "%s %s%s%" JSON_INTEGER_FORMAT, device,
                                    block->v2 ? v2_key : "", block->v2 ? "=" : "", rate);
    return cgroup_set_text(block, block->v2 ? "io.max" : v1_file, text, e);
}

static int set_throttles(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                         struct error *e)
{
    static const struct {
        const char *key, *v1_file, *v2_key;
    } kinds[] = {
        {"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
        {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
        {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
        {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t n = 0;
        json_t *device = NULL, *devices = json_object_get(json, kinds[i].key);
        json_array_foreach (devices, n, device) {
            AUTO_CONTROLLER struct controller block = {.directory = -1};
            if (open_block(&block, cgroup, e) < 0 ||
                set_rate(&block, kinds[i].v1_file, kinds[i].v2_key, device, arena, e) < 0)
                return -1;
        }
    }
    return 0;
}

int cgroup_set_block_limits(const struct cgroup *cgroup, const json_t *json, struct arena *arena,
                            struct error *e)
{
    if (set_weight(cgroup, json, arena, e) < 0)
        return -1;
    return set_throttles(cgroup, json, arena, e);
}
