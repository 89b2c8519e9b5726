#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

/* The profile's text as it stands in a file of the cache: filled up so that the instructions behind
 * it are aligned. */
struct key {
    const char *bytes;
    size_t size;
};

static struct key make_key(const char *profile, struct arena *arena)
{
    const size_t unit = sizeof(struct sock_filter);
    size_t length = strlen(profile), size = (length + unit) / unit * unit;
    char *bytes = arena_alloc(arena, size);
    memcpy(bytes, profile, length + 1);
    return (struct key){bytes, size};
}

static uint64_t hash(const struct key *key)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key->size; i++)
        value = (value ^ (unsigned char)key->bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

/* A file of the cache: this header, the key, the instructions. The key is compared, so that two
 * profiles with one hash cannot be taken for each other. */
struct cache_header {
    char magic[16];    /* with the version of what compiles */
    uint64_t key_size; /* a multiple of 8, so that the instructions are aligned */
    uint32_t flags, length;
};
static const char cache_magic[16] = "stasis-bpf-4";

static int take_from_cache(struct seccomp_filter *filter, int cache, const char *name,
                           const struct key *key, struct arena *arena)
{
    struct error ignored;
    struct cache_header header;
    size_t size = 0;
    char *data = read_file_at(cache, name, arena, &size, &ignored);
    if (!data || size < sizeof(header))
        return -1;
    memcpy(&header, data, sizeof(header));
    size_t code_size = header.length * sizeof(struct sock_filter);
    if (memcmp(header.magic, cache_magic, sizeof(cache_magic)) != 0 ||
        header.key_size != key->size || header.length == 0 || header.length > BPF_MAXINSNS ||
        size != sizeof(header) + key->size + code_size ||
        memcmp(data + sizeof(header), key->bytes, key->size) != 0)
        return -1;
    filter->instructions = (struct sock_filter *)(void *)(data + sizeof(header) + key->size);
    filter->length = (unsigned short)header.length;
    filter->flags = header.flags;
    return 0;
}

/* A cache that cannot be written is slow, not wrong. */
static void leave_in_cache(const struct seccomp_filter *filter, int cache, const char *name,
                           const struct key *key, struct arena *arena)
{
    struct cache_header header = {
        .key_size = key->size, .flags = filter->flags, .length = filter->length};
    memcpy(header.magic, cache_magic, sizeof(cache_magic));
    size_t code_size = filter->length * sizeof(struct sock_filter);
    size_t size = sizeof(header) + key->size + code_size;
    char *data = arena_alloc(arena, size);
    memcpy(data, &header, sizeof(header));
    memcpy(data + sizeof(header), key->bytes, key->size);
    memcpy(data + sizeof(header) + key->size, filter->instructions, code_size);
    struct error ignored;
    (void)replace_file_at(cache, name, data, size, 0600, &ignored);
}

static int parse_and_compile(struct seccomp_filter *filter, const char *profile,
                             struct arena *arena, struct error *e)
{
    json_error_t why;
    json_t *json = json_loads(profile, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        return fail(e, EINVAL, "linux.seccomp: %s", why.text);
    int compiled = seccomp_compile(filter, json, arena, e);
    json_decref(json);
    return compiled;
}

int seccomp_prepare(struct seccomp_filter *filter, const char *profile, const char *cache,
                    struct arena *arena, struct error *e)
{
    *filter = (struct seccomp_filter){0};
    if (!profile)
        return 0;
    AUTO_CLOSE int directory = cache ? open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (directory < 0)
        return parse_and_compile(filter, profile, arena, e);
    const struct key key = make_key(profile, arena);
    const char *name = arena_printf(arena, "%016llx.bpf", (unsigned long long)hash(&key));
    if (take_from_cache(filter, directory, name, &key, arena) == 0)
        return 0;
    if (parse_and_compile(filter, profile, arena, e) < 0)
        return -1;
    leave_in_cache(filter, directory, name, &key, arena);
    return 0;
}

struct shared_filter {
    unsigned short length;
    unsigned flags;
    struct sock_filter instructions[BPF_MAXINSNS];
};

struct shared_filter *seccomp_make_shared(struct error *e)
{
    void *memory = mmap(NULL, sizeof(struct shared_filter), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    fail_errno(e, "mmap");
    return NULL;
}

void seccomp_share(struct shared_filter *shared, const struct seccomp_filter *filter)
{
    if (filter->length)
        memcpy(shared->instructions, filter->instructions,
               filter->length * sizeof(*filter->instructions));
    shared->length = filter->length;
    shared->flags = filter->flags;
}

struct seccomp_filter seccomp_shared(struct shared_filter *shared)
{
    return (struct seccomp_filter){
        .instructions = shared->instructions, .length = shared->length, .flags = shared->flags};
}

void seccomp_unshare(struct shared_filter *shared)
{
    munmap(shared, sizeof(*shared));
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
