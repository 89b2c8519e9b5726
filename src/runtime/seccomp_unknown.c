#include "runtime/seccomp_unknown.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

/* The name that libseccomp and the kernel have for an architecture of the profile. x32 shares the
 * kernel's with x86-64 and is left to the filter. */
static uint32_t audit_architecture(const char *name)
{
    static const struct {
        const char *name;
        uint32_t token;
    } known[] = {
        {"SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64},   {"SCMP_ARCH_X86", AUDIT_ARCH_I386},
        {"SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64}, {"SCMP_ARCH_ARM", AUDIT_ARCH_ARM},
        {"SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name))
            return known[i].token;
    return 0;
}

static int highest_number(const json_t *calls, uint32_t architecture)
{
    int highest = -1;
    size_t i = 0, n = 0;
    json_t *rule = NULL, *name = NULL;
    json_array_foreach (calls, i, rule) {
        json_t *names = json_object_get(rule, "names");
        json_array_foreach (names, n, name) {
            const char *text = json_string_value(name);
            int number = text ? seccomp_syscall_resolve_name_arch(architecture, text) : -1;
            if (number > highest)
                highest = number;
        }
    }
    return highest;
}

/* if architecture: if number > highest (and not x32's): return ENOSYS */
enum { part_length = 6, x32_bit = 0x40000000 };

static void write_part(struct sock_filter *at, uint32_t architecture, int highest)
{
    const struct sock_filter part[part_length] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    memcpy(at, part, sizeof(part));
}

static size_t add_part(struct sock_filter *head, size_t length, const char *name,
                       const json_t *calls)
{
    uint32_t architecture = audit_architecture(name);
    int highest = architecture ? highest_number(calls, architecture) : -1;
    if (highest < 0)
        return length;
    write_part(head + length, architecture, highest);
    return length + part_length;
}

int seccomp_let_unknown_calls_be_missing(struct seccomp_filter *filter, const json_t *architectures,
                                         const json_t *calls, struct arena *arena, struct error *e)
{
    size_t most = (json_array_size(architectures) + 1) * part_length + filter->length;
    struct sock_filter *code = arena_alloc(arena, most * sizeof(*code));
    size_t length = 0, i = 0;
    json_t *name = NULL;
    json_array_foreach (architectures, i, name) {
        length = add_part(code, length, json_string_value(name), calls);
    }
    if (length + filter->length > BPF_MAXINSNS)
        return fail(e, E2BIG, "linux.seccomp: the filter is too long");
    memcpy(code + length, filter->instructions, filter->length * sizeof(*code));
    filter->instructions = code;
    filter->length = (unsigned short)(length + filter->length);
    return 0;
}
