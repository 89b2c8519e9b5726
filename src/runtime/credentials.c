#include "runtime/credentials.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/capabilities.h"

/* Raw calls: the C library's wrappers would change all threads of a process, which it takes this
 * one's for the parent's. */
static int change_user(const struct process_spec *process, struct error *e)
{
    if (syscall(SYS_setgroups, process->groups_count, process->groups) < 0)
        return fail_errno(e, "cannot set %zu additional groups", process->groups_count);
    if (syscall(SYS_setresgid, process->gid, process->gid, process->gid) < 0)
        return fail_errno(e, "cannot become group %u", process->gid);
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 ||
        syscall(SYS_setresuid, process->uid, process->uid, process->uid) < 0 ||
        prctl(PR_SET_KEEPCAPS, 0) < 0)
        return fail_errno(e, "cannot become user %u", process->uid);
    return 0;
}

/* Without a list, root keeps what there is and others have nothing, as after setuid(2). */
static struct capability_sets wanted_sets(const struct process_spec *process, uint64_t held)
{
    if (process->capabilities.given)
        return capabilities_possible(&process->capabilities, held);
    uint64_t own = process->uid ? 0 : held;
    return (struct capability_sets){.bounding = held, .permitted = own, .effective = own};
}

/* A filter needs CAP_SYS_ADMIN unless no_new_privs is set, and may then forbid everything: so it
 * comes with that one capability more, and capset(2) is what follows it. */
static int load_filter(const struct seccomp_filter *filter, const struct capability_sets *sets,
                       uint64_t held, struct error *e)
{
    struct capability_sets loading = *sets;
    uint64_t administrate = held & UINT64_C(1) << CAP_SYS_ADMIN;
    loading.permitted |= administrate;
    loading.effective |= administrate;
    loading.ambient = 0;
    if (capabilities_apply(&loading, e) < 0)
        return -1;
    return seccomp_apply(filter, e);
}

int credentials_take(const struct process_spec *process, const struct seccomp_filter *filter,
                     struct error *e)
{
    uint64_t held = 0;
    if (capabilities_held(&held, e) < 0)
        return -1;
    struct capability_sets sets = wanted_sets(process, held);
    if (capabilities_drop_bounding(&sets, e) < 0 || change_user(process, e) < 0)
        return -1;
    if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail_errno(e, "no_new_privs");
    if (filter->length && load_filter(filter, &sets, held, e) < 0)
        return -1;
    return capabilities_apply(&sets, e);
}
