#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_shorten.h"
#include "runtime/seccomp_unknown.h"

static void release_context(const scmp_filter_ctx *context)
{
    if (*context)
        seccomp_release(*context);
}
#define AUTO_CONTEXT __attribute__((cleanup(release_context)))

static int read_action(uint32_t *action, const char *name, json_int_t errno_value, struct error *e)
{
    const struct {
        const char *name;
        uint32_t action;
    } known[] = {
        {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
        {"SCMP_ACT_LOG", SCMP_ACT_LOG},
        {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO((uint32_t)errno_value)},
        {"SCMP_ACT_TRACE", SCMP_ACT_TRACE((uint32_t)errno_value)},
        {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
        {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
        {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    };
    if (errno_value < 0 || errno_value > 4095)
        return fail(e, EINVAL, "%lld is not an errno", (long long)errno_value);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name)) {
            *action = known[i].action;
            return 0;
        }
    return fail(e, ENOTSUP, "action %s is not supported", name);
}

static int read_comparison(struct scmp_arg_cmp *comparison, json_t *json, struct error *e)
{
    static const struct {
        const char *name;
        enum scmp_compare comparison;
    } known[] = {
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    };
    json_error_t why;
    int index = 0;
    json_int_t value = 0, second = 0;
    const char *name = NULL;
    if (json_unpack_ex(json, &why, 0, "{s:i, s:I, s?I, s:s}", "index", &index, "value", &value,
                       "valueTwo", &second, "op", &name) < 0)
        return fail(e, EINVAL, "args: %s", why.text);
    if (index < 0 || index > 5)
        return fail(e, EINVAL, "args: there is no argument %d", index);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name)) {
            *comparison = (struct scmp_arg_cmp){(unsigned)index, known[i].comparison,
                                                (scmp_datum_t)value, (scmp_datum_t)second};
            return 0;
        }
    return fail(e, EINVAL, "args: unknown comparison %s", name);
}

struct rule {
    uint32_t action;
    struct scmp_arg_cmp comparisons[6];
    unsigned count;
    bool same_argument_twice;
};

static int read_comparisons(struct rule *rule, json_t *args, struct error *e)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_array_size(args) > 6)
        return fail(e, EINVAL, "more than 6 args");
    json_array_foreach (args, i, item) {
        if (read_comparison(&rule->comparisons[i], item, e) < 0)
            return -1;
        for (size_t before = 0; before < i; before++)
            if (rule->comparisons[before].arg == rule->comparisons[i].arg)
                rule->same_argument_twice = true;
        rule->count++;
    }
    return 0;
}

static int add_rule(scmp_filter_ctx context, const struct rule *rule, const char *name,
                    struct error *e)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0; /* a call of another time or processor: nobody here can make it */
    int added = 0;
    if (!rule->same_argument_twice)
        added =
            seccomp_rule_add_array(context, rule->action, number, rule->count, rule->comparisons);
    /* libseccomp compares each argument once per rule; as runc does, such rules are alternatives.
     */
    for (unsigned i = 0; rule->same_argument_twice && i < rule->count && added == 0; i++)
        added = seccomp_rule_add_array(context, rule->action, number, 1, &rule->comparisons[i]);
    return added < 0 ? fail(e, -added, "%s: %s", name, strerror(-added)) : 0;
}

static int add_rules(scmp_filter_ctx context, json_t *json, uint32_t default_action,
                     struct error *e)
{
    json_error_t why;
    json_t *names = NULL, *args = NULL;
    const char *action = NULL;
    json_int_t errno_value = EPERM;
    struct rule rule = {0};
    if (json_unpack_ex(json, &why, 0, "{s:o, s:s, s?I, s?o}", "names", &names, "action", &action,
                       "errnoRet", &errno_value, "args", &args) < 0)
        return fail(e, EINVAL, "syscalls: %s", why.text);
    if (read_action(&rule.action, action, errno_value, e) < 0 ||
        read_comparisons(&rule, args, e) < 0)
        return fail_in(e, "syscalls");
    if (rule.action == default_action)
        return 0; /* libseccomp refuses to be told what it does anyway */
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach (names, i, name) {
        if (!json_is_string(name))
            return fail(e, EINVAL, "syscalls: a name is not a string");
        if (add_rule(context, &rule, json_string_value(name), e) < 0)
            return fail_in(e, "syscalls");
    }
    return 0;
}

static uint32_t architecture(const char *name)
{
    static const struct {
        const char *name;
        uint32_t token;
    } known[] = {
        {"SCMP_ARCH_X86", SCMP_ARCH_X86},         {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
        {"SCMP_ARCH_X32", SCMP_ARCH_X32},         {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
        {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64}, {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
        {"SCMP_ARCH_S390", SCMP_ARCH_S390},       {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
        {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name))
            return known[i].token;
    return 0;
}

static int add_architectures(scmp_filter_ctx context, json_t *names, struct error *e)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        uint32_t token = name ? architecture(name) : 0;
        if (!token)
            return fail(e, ENOTSUP, "architecture %s is not supported", name ? name : "?");
        int added = seccomp_arch_add(context, token);
        if (added < 0 && added != -EEXIST)
            return fail(e, -added, "architecture %s: %s", name, strerror(-added));
    }
    return 0;
}

static int read_flags(unsigned *flags, json_t *names, struct error *e)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item) ? json_string_value(item) : "?";
        if (!strcmp(name, "SECCOMP_FILTER_FLAG_LOG"))
            *flags |= SECCOMP_FILTER_FLAG_LOG;
        else if (!strcmp(name, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
            *flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        else if (strcmp(name, "SECCOMP_FILTER_FLAG_TSYNC") != 0) /* one thread: always in step */
            return fail(e, ENOTSUP, "flag %s is not supported", name);
    }
    return 0;
}

static int export_filter(scmp_filter_ctx context, struct seccomp_filter *filter,
                         struct arena *arena, struct error *e)
{
    AUTO_CLOSE int file = memfd_create("seccomp", MFD_CLOEXEC);
    int exported = file < 0 ? -errno : seccomp_export_bpf(context, file);
    if (exported < 0 || lseek(file, 0, SEEK_SET) < 0)
        return fail(e, exported < 0 ? -exported : errno, "cannot compile");
    size_t size = 0;
    char *code = read_fd_whole(file, arena, &size, e);
    size_t length = size / sizeof(struct sock_filter);
    if (!code)
        return -1;
    if (length == 0 || length > BPF_MAXINSNS)
        return fail(e, E2BIG, "the compiled filter has %zu instructions", length);
    filter->instructions = (struct sock_filter *)(void *)code;
    filter->length = (unsigned short)length;
    return 0;
}

static int compile(struct seccomp_filter *filter, scmp_filter_ctx context, json_t *architectures,
                   json_t *calls, uint32_t default_action, struct arena *arena, struct error *e)
{
    if (add_architectures(context, architectures, e) < 0)
        return -1;
    /* no_new_privs is config.json's to decide; a binary tree halves what each call costs. */
    if (seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) < 0 ||
        seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
        return fail(e, ENOTSUP, "libseccomp is too old");
    size_t i = 0;
    json_t *rules = NULL;
    json_array_foreach (calls, i, rules) {
        if (add_rules(context, rules, default_action, e) < 0)
            return -1;
    }
    return export_filter(context, filter, arena, e);
}

int seccomp_compile(struct seccomp_filter *filter, json_t *profile, struct arena *arena,
                    struct error *e)
{
    json_error_t why;
    json_t *architectures = NULL, *calls = NULL, *flags = NULL;
    const char *default_name = NULL, *listener = "";
    json_int_t errno_value = EPERM;
    uint32_t default_action = 0;
    if (json_unpack_ex(profile, &why, 0, "{s:s, s?I, s?o, s?o, s?o, s?s}", "defaultAction",
                       &default_name, "defaultErrnoRet", &errno_value, "architectures",
                       &architectures, "syscalls", &calls, "flags", &flags, "listenerPath",
                       &listener) < 0)
        return fail(e, EINVAL, "linux.seccomp: %s", why.text);
    if (*listener)
        return fail(e, ENOTSUP, "linux.seccomp: listenerPath is not supported");
    if (read_action(&default_action, default_name, errno_value, e) < 0 ||
        read_flags(&filter->flags, flags, e) < 0)
        return fail_in(e, "linux.seccomp");
    AUTO_CONTEXT scmp_filter_ctx context = seccomp_init(default_action);
    if (!context)
        return fail(e, EINVAL, "linux.seccomp: libseccomp refuses %s", default_name);
    if (compile(filter, context, architectures, calls, default_action, arena, e) < 0)
        return fail_in(e, "linux.seccomp");
    if (default_action == SCMP_ACT_ERRNO(EPERM) &&
        seccomp_let_unknown_calls_be_missing(filter, architectures, calls, arena, e) < 0)
        return -1;
    seccomp_shorten(filter, arena);
    return 0;
}
