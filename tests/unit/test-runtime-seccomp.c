/* Filters decide what their profile says, and a shortened one what the long one did. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/defaults.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_shorten.h"
#include "unit.h"

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
    uint32_t word = 0;
    memcpy(&word, (const char *)data + offset, sizeof(word));
    return word;
}

/* What the kernel would do; 1 stands for a filter that cannot be run. */
static uint32_t verdict(const struct seccomp_filter *filter, const struct seccomp_data *data)
{
    uint32_t held = 0;
    for (size_t at = 0; at < filter->length; at++) {
        struct sock_filter i = filter->instructions[at];
        bool holds = false;
        switch (i.code) {
        case BPF_RET | BPF_K:
            return i.k;
        case BPF_LD | BPF_W | BPF_ABS:
            held = load(data, i.k);
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            held &= i.k;
            continue;
        case BPF_JMP | BPF_JA:
            at += i.k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            holds = held == i.k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            holds = held > i.k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            holds = held >= i.k;
            break;
        default:
            return 1;
        }
        at += holds ? i.jt : i.jf;
    }
    return 1;
}

static uint32_t ask(const struct seccomp_filter *filter, const char *name, uint64_t argument)
{
    struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64, .args = {argument}};
    data.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);
    return verdict(filter, &data);
}

static const uint32_t refused = SECCOMP_RET_ERRNO | EPERM, missing = SECCOMP_RET_ERRNO | ENOSYS;

static const char *the_default_profile_is_dockers(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    struct seccomp_filter filter;
    json_t *capabilities = runtime_default_capabilities();
    json_t *profile = runtime_default_seccomp(capabilities);
    CHECK(seccomp_compile(&filter, profile, arena, &e) == 0);
    json_decref(profile);
    json_decref(capabilities);
    CHECK(ask(&filter, "read", 0) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "ptrace", 0) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "chroot", 0) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "mount", 0) == refused);
    CHECK(ask(&filter, "io_uring_setup", 0) == refused);
    CHECK(ask(&filter, "clone3", 0) == missing);
    CHECK(ask(&filter, "clone", 0x11) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "clone", 0x10000000) == refused);
    CHECK(ask(&filter, "clone", UINT64_C(0x100000000)) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "personality", 0x20008) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "personality", 0x40000) == refused);
    CHECK(ask(&filter, "socket", AF_INET) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "socket", AF_VSOCK) == refused);
    struct seccomp_data future = {.arch = AUDIT_ARCH_X86_64, .nr = 2000};
    CHECK(verdict(&filter, &future) == missing);
    struct seccomp_data foreign = {.arch = AUDIT_ARCH_AARCH64, .nr = 0};
    CHECK(verdict(&filter, &foreign) == SECCOMP_RET_KILL_THREAD);
    return NULL;
}

static const char *a_privileged_profile_allows_more(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    struct seccomp_filter filter;
    json_t *capabilities = json_pack("[s]", "CAP_SYS_ADMIN");
    json_t *profile = runtime_default_seccomp(capabilities);
    CHECK(seccomp_compile(&filter, profile, arena, &e) == 0);
    json_decref(profile);
    json_decref(capabilities);
    CHECK(ask(&filter, "mount", 0) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "clone", 0x10000000) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "clone3", 0) == SECCOMP_RET_ALLOW);
    CHECK(ask(&filter, "chroot", 0) == refused);
    return NULL;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Neighbours mostly have the same verdict, some depend on an argument. */
static void add_random_rules(scmp_filter_ctx context, uint64_t *random)
{
    static const uint32_t actions[] = {SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(ENOSYS), SCMP_ACT_TRAP};
    for (int i = 0; i < 40; i++) {
        uint32_t action = actions[next_random(random) % 5 ? 0 : next_random(random) % 3];
        int first = (int)(next_random(random) % 330), count = (int)(next_random(random) % 12);
        struct scmp_arg_cmp comparison = {next_random(random) % 6,
                                          (enum scmp_compare)(next_random(random) % 6 + 1),
                                          next_random(random) % 4 * UINT64_C(0x40000001), 0};
        bool depends = next_random(random) % 4 == 0;
        for (int number = first; number < first + (depends ? 1 : count); number++)
            (void)seccomp_rule_add_array(context, action, number, depends, &comparison);
    }
}

static int compile_random(struct seccomp_filter *filter, uint64_t *random, struct arena *arena)
{
    struct error e = {0};
    size_t size = 0;
    AUTO_CLOSE int file = memfd_create("filter", MFD_CLOEXEC);
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (next_random(random) % 2)
        (void)seccomp_arch_add(context, SCMP_ARCH_X86);
    if (next_random(random) % 2)
        (void)seccomp_arch_add(context, SCMP_ARCH_X32);
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 1 + next_random(random) % 2);
    add_random_rules(context, random);
    int exported = seccomp_export_bpf(context, file);
    seccomp_release(context);
    if (exported < 0 || lseek(file, 0, SEEK_SET) < 0)
        return -1;
    filter->instructions = (void *)read_fd_whole(file, arena, &size, &e);
    filter->length = (unsigned short)(size / sizeof(struct sock_filter));
    return filter->instructions ? 0 : -1;
}

static const char *same_verdicts(const struct seccomp_filter *a, const struct seccomp_filter *b,
                                 uint64_t *random)
{
    static const uint32_t architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
                                             0, UINT32_MAX};
    for (size_t i = 0; i < sizeof(architectures) / sizeof(*architectures); i++)
        for (uint32_t n = 0; n < 2048; n++) {
            struct seccomp_data data = {.arch = architectures[i]};
            data.nr = (int)(n < 1024 ? n : 0x40000000 - 512 + (n - 1024));
            for (int j = 0; j < 6; j++)
                data.args[j] =
                    next_random(random) % 4 * UINT64_C(0x40000001) + next_random(random) % 3 - 1;
            CHECK(verdict(a, &data) == verdict(b, &data));
        }
    return NULL;
}

static const char *a_shortened_filter_decides_the_same(void)
{
    uint64_t random = 1;
    int shorter = 0;
    for (int round = 0; round < 40; round++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct seccomp_filter old = {0};
        CHECK(compile_random(&old, &random, arena) == 0);
        struct seccomp_filter new = old;
        seccomp_shorten(&new, arena);
        shorter += new.length < old.length;
        shorter += new.length < old.length;
        const char *why = same_verdicts(&old, &new, &random);
        if (why)
            return why;
    }
    CHECK(shorter >= 10); /* the others would not have become so */
    return NULL;
}

int main(void)
{
    TEST(the_default_profile_is_dockers);
    TEST(a_privileged_profile_allows_more);
    TEST(a_shortened_filter_decides_the_same);
    return 0;
}
