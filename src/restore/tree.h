/* A process tree as its images tell it, and what becomes of it. Lives in the restore's arena. */
#ifndef STASIS_RESTORE_TREE_H
#define STASIS_RESTORE_TREE_H

#include "image/values.h"
#include "objects/cgroup.h"
#include "objects/namespace.h"
#include "objects/object.h"
#include "script/script.h"

enum { PAGE_BYTES = 4096 };
#define ADDRESSES_END 0x7ffffffff000ULL /* of x86-64 with four levels of page tables */

/* A file of page contents, opened in the builder. Two are one if device and inode are. */
struct page_source {
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t size;
};

/* Pages of a process from `start` to `end` whose contents are at `offset` of a page source. */
struct page_run {
    uint64_t start, end;
    uint64_t offset;
    const struct page_source *source;
};
typedef VEC(struct page_run) page_runs;

/* A mapping of the image and how it stands in the vessel while the script is written. */
struct mapping {
    VmaEntry *vma;
    uint32_t prot; /* as the vessel has it now */
    int fd;        /* staging descriptor, -1: none */
    bool has_pages;
    const struct mapping *inherited; /* the maker's that covers it and stays; or NULL */
};

struct address_range {
    uint64_t start, end;
};
typedef VEC(struct address_range) address_ranges;

struct memory {
    MmEntry *mm;
    VEC(struct mapping) mappings; /* sorted, without [vsyscall] */
    page_runs pages;              /* sorted */
    const struct mapping *vvar, *vdso;

    /* Planned by inherit.c. */
    const struct memory *origin; /* that fork leaves in it, as it shares pages with it; or NULL */
    address_ranges unmap;        /* of the origin: what it does not have */
    address_ranges drop;         /* of what stays: pages that it does not have */
    page_runs read;              /* what must be read in */
};

struct task;

struct thread {
    struct task *task;
    uint32_t tid;
    pid_t host_tid; /* as the builder counts */
    CoreEntry *core;
    SeccompFilter **filters; /* the oldest first */
    size_t filter_count;
    struct script script;   /* builds it */
    struct script last;     /* what takes rights away, run under ptrace when all are built */
    struct script_op *made; /* the clone3(2) that makes it; NULL: the builder does */
};

/* Where in its maker's life a task is forked. */
enum fork_time { BEFORE_SESSION, AFTER_SESSION };

typedef VEC(struct task *) task_list;

struct task {
    uint32_t pid, ppid, pgid, sid;
    uint32_t state; /* enum task_state */
    uint32_t exit_code;
    struct task *parent;
    VEC(struct thread) threads; /* the leader first; only it for a zombie */
    TaskKobjIdsEntry *ids;
    FsEntry *fs;
    VEC(FdinfoEntry *) descriptors;
    struct memory *memory; /* its maker's if they share it; NULL for a zombie and a stand-in */
    uint64_t gone;         /* word: a zombie is about to be one */
    task_list children;
    bool shares_memory, shares_files, shares_fs, shares_signals; /* with its maker */

    /* Planned by sessions.c. */
    bool stand_in; /* no task of the image: holds a dead leader's session or group, then goes */
    struct task *maker;
    enum fork_time time;
    bool as_sibling;       /* forked with CLONE_PARENT: its parent is its maker's */
    uint32_t born_session; /* 0: one outside of the tree */
    task_list makes;
    uint32_t born_group;   /* that it has after fork; 0: one outside of the tree */
    struct group *joins;   /* the group it must enter; NULL: it is in the right one */
    struct group *leads;   /* the group that others wait for; NULL: nobody does */
    uint64_t files_unused; /* word that counts makees that share its descriptors and are done */
    uint32_t files_sharers;
};

/* A process group that somebody must be put into. */
struct group {
    uint32_t id;
    struct task *leader;
    uint32_t joiners;
    uint64_t ready;  /* word: non-zero once it exists */
    uint64_t joined; /* word: how many have entered */
};

/* Shared anonymous memory: a file of the kernel's own, kept open until all have mapped it. */
struct shared_memory {
    uint64_t id;
    uint64_t size;
    int fd;
};

/* Where the root enters its cgroups: those that are the root of its new cgroup namespace first. */
struct cgroup_way {
    struct cgroup_doors first, then;
};

struct tree {
    struct restore restore; /* first: what objects see */
    task_list tasks;        /* of the image, parents before children, the root first */
    struct task *root;
    InventoryEntry *inventory;
    struct namespace_plan namespaces;
    SeccompEntry *seccomp;
    VEC(struct staged_file) files; /* sorted by id */
    VEC(struct group *) groups;
    task_list stand_ins;
    VEC(struct page_source *) page_sources;
    VEC(struct shared_memory) shared_memory;
    int highest_fd; /* of the image */

    /* The building. */
    struct script_area area;
    uint64_t ended;       /* word that counts scripts that came to their end */
    uint32_t expected;    /* what it comes to */
    uint64_t go;          /* word: the root may go on; 0: it need not wait */
    uint64_t has_cgroups; /* word: the root is in its cgroups and their namespace */
    struct cgroup_way way;
    int net_namespace;       /* that the root enters; -1: none */
    struct baseline *before; /* what vessels inherit from the builder */
    int builder_pidfd;
    int root_pidfd; /* of the root vessel; -1: there is none */
    struct cgroup_plan *cgroups;
    struct processor *processor;
};

#define TASK_FORMAT "pid %u (%s)"
#define TASK_NAME(task) (task)->pid, task_name(task)
const char *task_name(const struct task *task);

/* read.c: reads and checks pstree, cores, ids, mappings, descriptors. */
int read_tree(struct tree *tree, struct error *e);
struct task *find_task(const struct tree *tree, uint32_t pid);
struct staged_file *find_file(const struct tree *tree, uint32_t id);

/* read_seccomp.c */
int read_seccomp(struct tree *tree, struct error *e);

/* read_memory.c */
int read_memory(struct tree *tree, struct task *task, struct error *e);

/* pages.c: finds where every page of a process is stored. */
int find_pages_of_task(struct tree *tree, struct task *task, struct error *e);
int find_pages_of_segment(struct tree *tree, uint64_t shmid, page_runs *runs, struct error *e);

/* inherit.c: what a process keeps of the memory that fork copied from its maker. */
void plan_memory(struct tree *tree, struct task *task);

/* sessions.c: who forks whom, and when, so that sessions and groups come out right. */
int plan_sessions(struct tree *tree, struct error *e);

#endif
