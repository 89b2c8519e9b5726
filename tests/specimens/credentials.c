/* User and group ids of every sort, supplementary groups, capability sets, secure bits. */
#include "specimen.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool set_capabilities(unsigned int effective, unsigned int permitted,
                             unsigned int inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}, {0, 0, 0}};
    return syscall(SYS_capset, &header, data) == 0;
}

static unsigned int bit(int capability)
{
    return 1u << capability;
}

int main(void)
{
    uid_t uid[3];
    gid_t gid[3], groups[8];
    MUST(chmod(".", 0777) == 0);
    MUST(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT) == 0);
    MUST(setgroups(3, (gid_t[]){7, 100, 70000}) == 0);
    MUST(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS) == 0);
    MUST(setresgid(10, 20, 30) == 0 && setresuid(1001, 1002, 1003) == 0);
    unsigned int kept = bit(CAP_KILL) | bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE);
    MUST(set_capabilities(kept, kept | bit(CAP_NET_RAW), bit(CAP_CHOWN) | bit(CAP_KILL)));
    MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0);
    char *before = specimen_read("/proc/self/status");
    int secure_bits = prctl(PR_GET_SECUREBITS);

    specimen_ready();

    DEMAND(getresuid(&uid[0], &uid[1], &uid[2]) == 0);
    DEMAND(uid[0] == 1001 && uid[1] == 1002 && uid[2] == 1003);
    DEMAND(getresgid(&gid[0], &gid[1], &gid[2]) == 0);
    DEMAND(gid[0] == 10 && gid[1] == 20 && gid[2] == 30);
    DEMAND(getgroups(8, groups) == 3 && groups[0] == 7 && groups[1] == 100 && groups[2] == 70000);
    DEMAND(prctl(PR_GET_SECUREBITS) == secure_bits);
    char *after = specimen_read("/proc/self/status");
    const char *const lines[] = {"\nUid:",    "\nGid:",    "\nGroups:", "\nCapInh:",
                                 "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const char *was = strstr(before, lines[i]), *is = strstr(after, lines[i]);
        DEMAND(was && is && strcspn(was + 1, "\n") == strcspn(is + 1, "\n"));
        DEMAND(was && is && memcmp(was, is, strcspn(was + 1, "\n") + 1) == 0);
    }
    specimen_end();
}
