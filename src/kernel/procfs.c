#include "kernel/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

int proc_open(pid_t pid, struct error *e)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail(e, ESRCH, "pid %d: no such process", (int)pid) : fd;
}

int proc_open_self(struct error *e)
{
    int fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail_errno(e, "/proc/self") : fd;
}

int proc_read_stat(int proc, struct proc_stat *stat, struct error *e)
{
    char text[2048];
    AUTO_CLOSE int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
    if (got < 0)
        return fail_errno(e, "cannot read /proc/PID/stat");
    text[got] = 0;
    /* The name may hold anything, closing brackets too: the last one ends it. */
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return fail(e, EBADMSG, "/proc/PID/stat is not understood");
    memset(stat, 0, sizeof(*stat));
    stat->pid = atoi(text); // NOLINT(cert-err34-c): the kernel wrote it
    snprintf(stat->comm, sizeof(stat->comm), "%.*s", (int)(close - open - 1), open + 1);
    uint64_t field[53] = {0};
    char *at = close + 2;
    stat->state = *at;
    at += 1;
    for (unsigned i = 4; i <= 52 && *at; i++)
        field[i] =
            *at == ' ' && at[1] == '-' ? (uint64_t)strtoll(at, &at, 10) : strtoull(at, &at, 10);
    stat->ppid = (pid_t)field[4];
    stat->pgid = (pid_t)field[5];
    stat->sid = (pid_t)field[6];
    stat->tty_nr = (int32_t)field[7];
    stat->flags = field[9];
    stat->priority = (int64_t)field[18];
    stat->nice = (int64_t)field[19];
    stat->start_time = field[22];
    stat->start_code = field[26];
    stat->end_code = field[27];
    stat->start_stack = field[28];
    stat->rt_priority = (uint32_t)field[40];
    stat->policy = (uint32_t)field[41];
    stat->start_data = field[45];
    stat->end_data = field[46];
    stat->start_brk = field[47];
    stat->arg_start = field[48];
    stat->arg_end = field[49];
    stat->env_start = field[50];
    stat->env_end = field[51];
    stat->exit_code = (int32_t)field[52];
    return 0;
}

/* Numbers separated by white space, up to the end of the line. */
static unsigned parse_numbers(const char *at, int base, uint64_t *numbers, unsigned most)
{
    unsigned count = 0;
    while (count < most) {
        while (*at == ' ' || *at == '\t')
            at++;
        if (*at == '\n' || *at == 0)
            break;
        char *end = NULL;
        numbers[count++] = strtoull(at, &end, base);
        if (end == at)
            break;
        at = end;
    }
    return count;
}

static void parse_groups(const char *at, struct arena *arena, struct proc_status *status)
{
    VEC(uint32_t) groups = {0};
    uint64_t number;
    while (parse_numbers(at, 10, &number, 1) == 1) {
        vec_add(arena, &groups, (uint32_t)number);
        at += strspn(at, " \t");
        at += strspn(at, "0123456789");
    }
    status->groups = groups.items;
    status->group_count = groups.count;
}

static void parse_four(const char *at, uint32_t four[4])
{
    uint64_t numbers[4] = {0};
    parse_numbers(at, 10, numbers, 4);
    for (int i = 0; i < 4; i++)
        four[i] = (uint32_t)numbers[i];
}

typedef __typeof__(((struct proc_status *)0)->ns_pid) ns_numbers;

static void parse_ns_numbers(const char *at, struct arena *arena, void *into)
{
    ns_numbers *list = into;
    uint64_t numbers[32];
    unsigned count = parse_numbers(at, 10, numbers, 32);
    for (unsigned i = 0; i < count; i++)
        vec_add(arena, list, (uint32_t)numbers[i]);
}

static void parse_status_line(const char *line, struct arena *arena, struct proc_status *status)
{
    const char *colon = strchr(line, ':');
    if (!colon)
        return;
    const struct {
        const char *key;
        int base;
        size_t offset, size;
    } numbers[] = {
#define NUMBER(key, base, field)                                                                   \
    {key, base, offsetof(struct proc_status, field), sizeof(status->field)}
        NUMBER("Umask", 8, umask),
        NUMBER("Tgid", 10, tgid),
        NUMBER("TracerPid", 10, tracer),
        NUMBER("Threads", 10, threads),
        NUMBER("SigPnd", 16, sig_pending),
        NUMBER("ShdPnd", 16, shared_pending),
        NUMBER("SigBlk", 16, sig_blocked),
        NUMBER("CapInh", 16, cap_inh),
        NUMBER("CapPrm", 16, cap_prm),
        NUMBER("CapEff", 16, cap_eff),
        NUMBER("CapBnd", 16, cap_bnd),
        NUMBER("CapAmb", 16, cap_amb),
        NUMBER("NoNewPrivs", 10, no_new_privs),
        NUMBER("Seccomp", 10, seccomp),
        NUMBER("Seccomp_filters", 10, seccomp_filters),
#undef NUMBER
    };
    size_t length = (size_t)(colon - line);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        uint64_t value = 0;
        if (strlen(numbers[i].key) != length || memcmp(numbers[i].key, line, length) != 0)
            continue;
        parse_numbers(colon + 1, numbers[i].base, &value, 1);
        memcpy((char *)status + numbers[i].offset, &value, numbers[i].size);
        return;
    }
    if (starts_with(line, "Uid:"))
        parse_four(colon + 1, status->uid);
    else if (starts_with(line, "Gid:"))
        parse_four(colon + 1, status->gid);
    else if (starts_with(line, "Groups:"))
        parse_groups(colon + 1, arena, status);
    else if (starts_with(line, "NSpid:"))
        parse_ns_numbers(colon + 1, arena, &status->ns_pid);
    else if (starts_with(line, "NStgid:"))
        parse_ns_numbers(colon + 1, arena, &status->ns_tgid);
    else if (starts_with(line, "NSpgid:"))
        parse_ns_numbers(colon + 1, arena, &status->ns_pgid);
    else if (starts_with(line, "NSsid:"))
        parse_ns_numbers(colon + 1, arena, &status->ns_sid);
}

int proc_read_status(int proc, struct arena *arena, struct proc_status *status, struct error *e)
{
    memset(status, 0, sizeof(*status));
    char *text = read_file_at(proc, "status", arena, NULL, e);
    if (!text)
        return -1;
    for (char *line = text; line && *line;) {
        parse_status_line(line, arena, status);
        line = strchr(line, '\n');
        if (line)
            line++;
    }
    return 0;
}

static uint64_t parse_hex(const char **at)
{
    char *end = NULL;
    uint64_t number = strtoull(*at, &end, 16);
    *at = end;
    return number;
}

static void parse_mapping(const char *line, struct arena *arena, struct proc_vma *vma)
{
    const char *at = line;
    vma->start = parse_hex(&at);
    at++;
    vma->end = parse_hex(&at);
    at++;
    vma->prot = (at[0] == 'r' ? 1U : 0) | (at[1] == 'w' ? 2U : 0) | (at[2] == 'x' ? 4U : 0);
    vma->shared = at[3] == 's';
    at += 5;
    vma->offset = parse_hex(&at);
    at++;
    vma->dev_major = (uint32_t)parse_hex(&at);
    at++;
    vma->dev_minor = (uint32_t)parse_hex(&at);
    char *end = NULL;
    vma->inode = strtoull(at, &end, 10);
    at = end + strspn(end, " ");
    vma->name = arena_strndup(arena, at, strcspn(at, "\n"));
}

static void parse_vm_flags(const char *at, struct proc_vma *vma)
{
    const unsigned most = sizeof(vma->flags) / sizeof(*vma->flags);
    for (at += strspn(at, " "); *at && *at != '\n' && vma->flag_count < most;
         at += strspn(at, " ")) {
        vma->flags[vma->flag_count][0] = at[0];
        vma->flags[vma->flag_count][1] = at[1];
        vma->flag_count++;
        at += 2;
    }
}

int proc_read_smaps(int proc, struct arena *arena, proc_vmas *vmas, struct error *e)
{
    memset(vmas, 0, sizeof(*vmas));
    char *text = read_file_at(proc, "smaps", arena, NULL, e);
    if (!text)
        return -1;
    for (char *line = text; line && *line;) {
        /* Mappings begin with a lower-case address, properties with a capital letter. */
        if (*line < 'A' || *line > 'Z')
            parse_mapping(line, arena, vec_push(arena, vmas));
        else if (vmas->count && starts_with(line, "VmFlags:"))
            parse_vm_flags(line + 8, &vmas->items[vmas->count - 1]);
        line = strchr(line, '\n');
        if (line)
            line++;
    }
    return 0;
}

bool vma_has_flag(const struct proc_vma *vma, const char *flag)
{
    for (unsigned i = 0; i < vma->flag_count; i++)
        if (vma->flags[i][0] == flag[0] && vma->flags[i][1] == flag[1])
            return true;
    return false;
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

int proc_list_numbers(int proc, const char *directory, struct arena *arena, proc_numbers *numbers,
                      struct error *e)
{
    memset(numbers, 0, sizeof(*numbers));
    int fd = openat(proc, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return fail_errno(e, "cannot list /proc/PID/%s", directory);
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        int number;
        if (parse_int(entry->d_name, &number))
            vec_add(arena, numbers, number);
    }
    if (numbers->count)
        qsort(numbers->items, numbers->count, sizeof(int), compare_ints);
    return 0;
}

int proc_list_children(int proc, struct arena *arena, proc_numbers *children, struct error *e)
{
    proc_numbers threads;
    memset(children, 0, sizeof(*children));
    if (proc_list_numbers(proc, "task", arena, &threads, e) < 0)
        return -1;
    for (size_t i = 0; i < threads.count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "task/%d/children", threads.items[i]);
        struct error gone;
        char *text = read_file_at(proc, path, arena, NULL, &gone);
        uint64_t number;
        for (char *at = text; at && parse_numbers(at, 10, &number, 1) == 1;
             at += strspn(at, "0123456789") + 1)
            vec_add(arena, children, (int)number);
    }
    return 0;
}

char *proc_read_link(int proc, const char *name, struct arena *arena, struct error *e)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(proc, name, target, sizeof(target));
    if (length < 0 || length == (ssize_t)sizeof(target)) {
        fail_errno(e, "cannot read the link /proc/PID/%s", name);
        return NULL;
    }
    return arena_strndup(arena, target, (size_t)length);
}

uint64_t proc_namespace_inode(int proc, const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "ns/%s", name);
    return fstatat(proc, path, &st, 0) == 0 ? st.st_ino : 0;
}
