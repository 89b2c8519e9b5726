#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

/* A file of the cache: this header, the profile's text, the instructions. The text is compared, so
 * that two profiles with one hash cannot be taken for each other. */
struct cache_header {
    char magic[16]; /* with the version of what compiles */
    uint64_t text_size;
    uint32_t flags, length;
};
static const char cache_magic[16] = "stasis-bpf-1";

static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

static int take_from_cache(struct seccomp_filter *filter, int cache, const char *name,
                           const char *text, struct arena *arena)
{
    struct error ignored;
    struct cache_header header;
    size_t size = 0, text_size = strlen(text);
    const char *data = read_file_at(cache, name, arena, &size, &ignored);
    if (!data || size < sizeof(header))
        return -1;
    memcpy(&header, data, sizeof(header));
    size_t code_size = header.length * sizeof(struct sock_filter);
    if (memcmp(header.magic, cache_magic, sizeof(cache_magic)) != 0 ||
        header.text_size != text_size || header.length == 0 || header.length > BPF_MAXINSNS ||
        size != sizeof(header) + text_size + code_size ||
        memcmp(data + sizeof(header), text, text_size) != 0)
        return -1;
    filter->instructions = arena_copy(arena, data + sizeof(header) + text_size, code_size);
    filter->length = (unsigned short)header.length;
    filter->flags = header.flags;
    return 0;
}

/* A cache that cannot be written is slow, not wrong. */
static void leave_in_cache(const struct seccomp_filter *filter, int cache, const char *name,
                           const char *text, struct arena *arena)
{
    struct cache_header header = {
        .text_size = strlen(text), .flags = filter->flags, .length = filter->length};
    memcpy(header.magic, cache_magic, sizeof(cache_magic));
    size_t code_size = filter->length * sizeof(struct sock_filter);
    size_t size = sizeof(header) + header.text_size + code_size;
    char *data = arena_alloc(arena, size);
    memcpy(data, &header, sizeof(header));
    memcpy(data + sizeof(header), text, header.text_size);
    memcpy(data + sizeof(header) + header.text_size, filter->instructions, code_size);
    struct error ignored;
    (void)replace_file_at(cache, name, data, size, 0600, &ignored);
}

int seccomp_prepare(struct seccomp_filter *filter, const json_t *profile, const char *cache,
                    struct arena *arena, struct error *e)
{
    *filter = (struct seccomp_filter){0};
    if (!profile)
        return 0;
    AUTO_FREE char *text = json_dumps(profile, JSON_COMPACT);
    AUTO_CLOSE int directory = cache && text ? open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (directory < 0)
        return seccomp_compile(filter, profile, arena, e);
    const char *name = arena_printf(arena, "%016llx.bpf", (unsigned long long)hash(text));
    if (take_from_cache(filter, directory, name, text, arena) == 0)
        return 0;
    if (seccomp_compile(filter, profile, arena, e) < 0)
        return -1;
    leave_in_cache(filter, directory, name, text, arena);
    return 0;
}

int seccomp_apply(const struct seccomp_filter *filter, struct error *e)
{
    if (!filter->length)
        return 0;
    struct sock_fprog program = {.len = filter->length, .filter = filter->instructions};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0)
        return fail_errno(e, "cannot load the seccomp filter");
    return 0;
}
