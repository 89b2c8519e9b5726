#include "checkpoint/mapping.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/text.h"

static const struct {
    const char *flag; /* VmFlags of smaps, see proc(5) */
    const char *words;
} refused_flags[] = {
    {"ht", "huge page (hugetlb) mapping"},
    {"um", "userfaultfd mapping"},
    {"uw", "userfaultfd write-protected mapping"},
    {"ui", "userfaultfd minor-fault mapping"},
    {"ss", "shadow stack"},
    {"sl", "sealed (mseal) mapping"},
    {"pf", "device memory mapping"},
    {"io", "device memory mapping"},
    {"dp", "droppable mapping"},
};

static const struct {
    const char *prefix;
    const char *words;
} refused_names[] = {
    {"/SYSV", "System V shared memory"},
    {"/memfd:", "memfd mapping"},
    {"/[aio]", "AIO ring"},
    {"anon_inode:", "mapping of an anonymous inode"},
    {"socket:", "packet socket ring"},
    {"[uprobes]", "uprobes area"},
};

static uint32_t special_status(const char *name)
{
    if (!strcmp(name, "[vsyscall]"))
        return MAPPING_VSYSCALL | MAPPING_ANON_PRIVATE;
    if (!strcmp(name, "[vdso]"))
        return MAPPING_REGULAR | MAPPING_VDSO | MAPPING_ANON_PRIVATE;
    if (!strcmp(name, "[vvar]") || !strcmp(name, "[vvar_vclock]"))
        return MAPPING_REGULAR | MAPPING_VVAR | MAPPING_ANON_PRIVATE;
    return 0;
}

static int refuse(const struct task *task, const struct proc_vma *vma, const char *words,
                  struct error *e)
{
    return fail(e, ENOTSUP, TASK_FORMAT ": mapping %llx-%llx%s%s: %s: not supported yet",
                TASK_NAME(task), (unsigned long long)vma->start, (unsigned long long)vma->end,
                *vma->name ? " " : "", vma->name, words);
}

static int check_supported(const struct task *task, const struct proc_vma *vma, struct error *e)
{
    for (size_t i = 0; i < sizeof(refused_flags) / sizeof(*refused_flags); i++)
        if (vma_has_flag(vma, refused_flags[i].flag))
            return refuse(task, vma, refused_flags[i].words, e);
    for (size_t i = 0; i < sizeof(refused_names) / sizeof(*refused_names); i++)
        if (starts_with(vma->name, refused_names[i].prefix))
            return refuse(task, vma, refused_names[i].words, e);
    return 0;
}

uint32_t mapping_status_of(const struct task *task, const struct proc_vma *vma, struct error *e)
{
    uint32_t special = special_status(vma->name);
    if (special)
        return special;
    if (check_supported(task, vma, e) < 0)
        return 0;
    if (vma->shared &&
        (!strcmp(vma->name, "/dev/zero (deleted)") || starts_with(vma->name, "[anon_shmem:")))
        return MAPPING_REGULAR | MAPPING_ANON_SHARED;
    if (vma->name[0] == '/')
        return MAPPING_REGULAR | (vma->shared ? MAPPING_FILE_SHARED : MAPPING_FILE_PRIVATE);
    if (vma->shared || vma->inode) {
        refuse(task, vma, "mapping of an unknown kind", e);
        return 0;
    }
    return MAPPING_REGULAR | MAPPING_ANON_PRIVATE |
           (!strcmp(vma->name, "[heap]") ? (uint32_t)MAPPING_HEAP : 0);
}

uint64_t mapping_advice(const struct proc_vma *vma)
{
    static const struct {
        const char *flag;
        unsigned advice;
    } advices[] = {
        {"rr", MADV_RANDOM},     {"sr", MADV_SEQUENTIAL}, {"dc", MADV_DONTFORK},
        {"dd", MADV_DONTDUMP},   {"mg", MADV_MERGEABLE},  {"hg", MADV_HUGEPAGE},
        {"nh", MADV_NOHUGEPAGE}, {"wf", MADV_WIPEONFORK},
    };
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++)
        if (vma_has_flag(vma, advices[i].flag))
            bits |= 1ULL << advices[i].advice;
    return bits;
}
