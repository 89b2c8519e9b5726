/* Limits, credentials and seccomp filters: what a thread may, set last as each takes rights away.
 * See credentials(7), capabilities(7), seccomp(2). */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "restore/vessel.h"

enum { most_groups = 65536, most_instructions = 4096 };

struct capability_sets {
    uint64_t inheritable, permitted, effective;
};

static uint64_t capability_set(size_t count, const uint32_t *words)
{
    return (count > 0 ? words[0] : 0) | (count > 1 ? (uint64_t)words[1] << 32 : 0);
}

static void write_capset(struct tree *tree, struct script *script, const char *words,
                         const struct capability_sets *sets)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++)
        data[i] = (struct __user_cap_data_struct){(uint32_t)(sets->effective >> (32 * i)),
                                                  (uint32_t)(sets->permitted >> (32 * i)),
                                                  (uint32_t)(sets->inheritable >> (32 * i))};
    MUST(script, words, SYS_capset, script_data(&tree->area, &header, sizeof(header)),
         script_data(&tree->area, data, sizeof(data)));
}

static int write_ids(struct tree *tree, struct script *script, const CredsEntry *creds,
                     struct error *e)
{
    if (creds->n_groups > most_groups)
        return fail(e, EBADMSG, "%zu supplementary groups", creds->n_groups);
    MUST(script, "set the supplementary groups", SYS_setgroups, creds->n_groups,
         script_data(&tree->area, creds->groups, creds->n_groups * sizeof(*creds->groups)));
    MUST(script, "set the group ids", SYS_setresgid, creds->gid, creds->egid, creds->sgid);
    SCRIPT_CALL(script, "set the file system group id", SYS_setfsgid, creds->fsgid);
    MUST(script, "set the user ids", SYS_setresuid, creds->uid, creds->euid, creds->suid);
    SCRIPT_CALL(script, "set the file system user id", SYS_setfsuid, creds->fsuid);
    return 0;
}

/* Ambient capabilities must be permitted and inheritable while they are raised, and the secure
 * bits may forbid raising them: permitted stays full until both are done. */
static void write_capabilities(struct tree *tree, struct script *script, const CredsEntry *creds)
{
    struct capability_sets wanted = {capability_set(creds->n_cap_inh, creds->cap_inh),
                                     capability_set(creds->n_cap_prm, creds->cap_prm),
                                     capability_set(creds->n_cap_eff, creds->cap_eff)};
    uint64_t bounding = capability_set(creds->n_cap_bnd, creds->cap_bnd);
    uint64_t ambient = capability_set(creds->n_cap_amb, creds->cap_amb);
    uint64_t have = tree->before->permitted;
    for (uint64_t c = 0; c <= tree->before->last_capability; c++)
        if (~bounding & (1ULL << c))
            MUST(script, "drop a capability from the bounding set", SYS_prctl, PR_CAPBSET_DROP, c);
    if (ambient) {
        struct capability_sets raising = {wanted.inheritable, have, have};
        write_capset(tree, script, "set the inheritable capabilities", &raising);
    }
    for (uint64_t c = 0; c <= tree->before->last_capability; c++)
        if (ambient & (1ULL << c))
            MUST(script, "raise an ambient capability", SYS_prctl, PR_CAP_AMBIENT,
                 PR_CAP_AMBIENT_RAISE, c, 0, 0);
    MUST(script, "set the secure bits", SYS_prctl, PR_SET_SECUREBITS, creds->secbits);
    write_capset(tree, script, "set the capabilities", &wanted);
}

int write_credentials(struct tree *tree, struct thread *thread, struct script *script,
                      struct error *e)
{
    const CredsEntry *creds = thread->core->thread_core->creds;
    if (!creds)
        return fail(e, EBADMSG, "core-%u.img: credentials are missing in it", thread->tid);
    /* User ids may change without a loss of capabilities; the true bits come after. */
    MUST(script, "keep capabilities over a change of user", SYS_prctl, PR_SET_SECUREBITS,
         SECBIT_NO_SETUID_FIXUP);
    if (write_ids(tree, script, creds, e) < 0)
        return fail_in(e, "thread %u", thread->tid);
    write_capabilities(tree, script, creds);
    if (creds->has_no_new_privs && creds->no_new_privs)
        MUST(script, "gain no more privileges", SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return 0;
}

void write_limits(struct tree *tree, struct task *task, struct script *script)
{
    const TaskRlimitsEntry *limits = task->threads.items[0].core->tc->rlimits;
    for (size_t i = 0; limits && i < limits->n_rlimits && i < RLIM_NLIMITS; i++) {
        struct rlimit wanted = {limits->rlimits[i]->cur, limits->rlimits[i]->max};
        const struct rlimit *have = &tree->before->limits[i];
        if (wanted.rlim_cur == have->rlim_cur && wanted.rlim_max == have->rlim_max)
            continue;
        MUST(script, "set a resource limit", SYS_prlimit64, 0, i,
             script_data(&tree->area, &wanted, sizeof(wanted)), 0);
    }
}

int write_seccomp(struct tree *tree, struct thread *thread, struct script *script, struct error *e)
{
    const ThreadCoreEntry *core = thread->core->thread_core;
    for (size_t i = 0; i < thread->filter_count; i++) {
        const SeccompFilter *filter = thread->filters[i];
        size_t count = filter->filter.len / sizeof(struct sock_filter);
        if (filter->filter.len % sizeof(struct sock_filter) || count == 0 ||
            count > most_instructions)
            return fail(e, EBADMSG, "seccomp.img: a filter of %zu bytes", filter->filter.len);
        struct sock_fprog program = {
            (unsigned short)count,
            (void *)script_data(&tree->area, filter->filter.data, filter->filter.len)};
        MUST(script, "install a seccomp filter", SYS_seccomp, SECCOMP_SET_MODE_FILTER,
             filter->has_flags ? filter->flags : 0,
             script_data(&tree->area, &program, sizeof(program)));
    }
    if (core->has_seccomp_mode && core->seccomp_mode == SECCOMP_MODE__strict)
        MUST(script, "enter strict seccomp", SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0);
    return 0;
}
