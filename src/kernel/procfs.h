/* /proc as structures. See proc(5). Paths are relative to a descriptor of /proc/PID. */
#ifndef STASIS_KERNEL_PROCFS_H
#define STASIS_KERNEL_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* Opens /proc/PID as a directory. -1 with *e. */
int proc_open(pid_t pid, struct error *e);
/* The caller's own, also where /proc is that of another pid namespace than the caller's. */
int proc_open_self(struct error *e);

/* /proc/PID/stat (or task/TID/stat with a descriptor of that directory). */
struct proc_stat {
    pid_t pid, ppid, pgid, sid;
    char state;
    char comm[64];
    uint64_t flags, start_time;
    uint64_t start_code, end_code, start_stack, start_data, end_data, start_brk;
    uint64_t arg_start, arg_end, env_start, env_end;
    int32_t exit_code;
    int64_t priority, nice;
    uint32_t rt_priority, policy;
    int32_t tty_nr;
};
int proc_read_stat(int proc, struct proc_stat *stat, struct error *e);

/* /proc/PID/status. */
struct proc_status {
    uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
    uint32_t *groups;
    size_t group_count;
    uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
    uint64_t sig_pending, shared_pending, sig_blocked;
    uint32_t umask, seccomp, seccomp_filters, no_new_privs, threads;
    pid_t tracer, tgid;
    /* Ids in each pid namespace, outermost first. */
    VEC(uint32_t) ns_pid, ns_tgid, ns_pgid, ns_sid;
};
int proc_read_status(int proc, struct arena *arena, struct proc_status *status, struct error *e);

/* One mapping: /proc/PID/maps with the VmFlags of smaps. */
struct proc_vma {
    uint64_t start, end, offset;
    uint32_t prot; /* PROT_* */
    bool shared;
    uint32_t dev_major, dev_minor;
    uint64_t inode;
    const char *name;  /* path or [name]; "" if none */
    char flags[40][3]; /* VmFlags, two letters each */
    unsigned flag_count;
};
typedef VEC(struct proc_vma) proc_vmas;
int proc_read_smaps(int proc, struct arena *arena, proc_vmas *vmas, struct error *e);
bool vma_has_flag(const struct proc_vma *vma, const char *flag);

/* Numeric entries of a /proc directory ("task", "fd"), sorted. */
typedef VEC(int) proc_numbers;
int proc_list_numbers(int proc, const char *directory, struct arena *arena, proc_numbers *numbers,
                      struct error *e);

/* /proc/PID/task/TID/children of all threads. */
int proc_list_children(int proc, struct arena *arena, proc_numbers *children, struct error *e);

/* readlink(2) into the arena; NULL with *e. */
char *proc_read_link(int proc, const char *name, struct arena *arena, struct error *e);

/* Inode number of /proc/PID/ns/NAME; 0 if this kernel has no such namespace. */
uint64_t proc_namespace_inode(int proc, const char *name);

#endif
