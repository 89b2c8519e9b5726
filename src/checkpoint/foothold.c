#include "checkpoint/foothold.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { area_size = 64 * 1024 };

static int find_syscall_in(const struct task *task, uint64_t start, size_t size, uint64_t *gadget)
{
    unsigned char code[16384];
    if (size > sizeof(code))
        size = sizeof(code);
    struct iovec local = {code, size}, remote = {(void *)start, size};
    ssize_t got = process_vm_readv(task->owner.pid, &local, 1, &remote, 1, 0);
    for (ssize_t i = 0; i + 1 < got; i++) {
        if (code[i] == 0x0f && code[i + 1] == 0x05) {
            *gadget = start + (uint64_t)i;
            return 0;
        }
    }
    return -1;
}

/* The address of a SYSCALL instruction that the task has already: no code of it is changed. */
static int find_syscall(const struct task *task, uint64_t *gadget, struct error *e)
{
    for (size_t i = 0; i < task->vmas.count; i++) {
        const struct proc_vma *vma = &task->vmas.items[i];
        if (!strcmp(vma->name, "[vdso]") &&
            find_syscall_in(task, vma->start, vma->end - vma->start, gadget) == 0)
            return 0;
    }
    for (size_t i = 0; i < task->vmas.count; i++) {
        const struct proc_vma *vma = &task->vmas.items[i];
        if (!(vma->prot & PROT_EXEC) || !strcmp(vma->name, "[vsyscall]"))
            continue;
        for (uint64_t at = vma->start; at < vma->end; at += 16384 - 1) {
            size_t left = vma->end - at;
            if (find_syscall_in(task, at, left, gadget) == 0)
                return 0;
        }
    }
    return fail(e, ENOEXEC, TASK_FORMAT ": no system call instruction found in its code",
                TASK_NAME(task));
}

/* With all signals blocked, none can come between the steps. SIGKILL and SIGSTOP still do. */
static int block_signals(const struct task *task, struct error *e)
{
    for (size_t i = 0; i < task->threads.count; i++)
        if (tracee_set_signal_mask(task->threads.items[i].tid, UINT64_MAX, e) < 0)
            return -1;
    return 0;
}

/* Every thread gets back what the freeze found; a failure here cannot be mended, only told. */
static int put_back(const struct task *task, struct error *e)
{
    struct error ignored;
    int result = 0;
    for (size_t i = 0; i < task->threads.count; i++) {
        const struct thread *thread = &task->threads.items[i];
        struct user_regs_struct registers = going_registers(task, thread);
        if (tracee_set_registers(thread->tid, &registers, result ? &ignored : e) < 0 ||
            tracee_set_signal_mask(thread->tid, thread->signal_mask, result ? &ignored : e) < 0)
            result = -1;
    }
    return result;
}

static int copy_area(const struct task *task, const struct script_area *area, bool to_target,
                     struct error *e)
{
    struct iovec local = {area->local, area->used}, remote = {(void *)area->remote, area->used};
    ssize_t done = to_target ? process_vm_writev(task->owner.pid, &local, 1, &remote, 1, 0)
                             : process_vm_readv(task->owner.pid, &local, 1, &remote, 1, 0);
    if (done != (ssize_t)area->used)
        return fail_errno(e, TASK_FORMAT ": cannot copy a script", TASK_NAME(task));
    return 0;
}

int foothold_begin(struct foothold *foothold, struct script *script, struct error *e)
{
    if (script_area_init(&foothold->area, e) < 0)
        return -1;
    return script_begin(script, &foothold->area, true, e);
}

int foothold_run(struct foothold *foothold, struct thread *thread, struct script *script,
                 struct error *e)
{
    const struct task *task = foothold->task;
    if (script_end(script, e) < 0 || copy_area(task, script->area, true, e) < 0 ||
        tracee_run_until_trap(thread->tid, &thread->frozen, script_entry(script),
                              script_head_address(script), e) < 0 ||
        copy_area(task, script->area, false, e) < 0 ||
        script_verdict(script->area, script->head, e) < 0)
        return fail_in(e, TASK_FORMAT ": thread %d", TASK_NAME(task), (int)thread->tid);
    return 0;
}

static int map_area(struct tree *tree, struct foothold *foothold, struct error *e)
{
    const struct task *task = foothold->task;
    const struct thread *leader = &task->threads.items[0];
    const uint64_t map[6] = {
        0, area_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1,
        0};
    int64_t result = 0;
    if (tracee_call(leader->tid, &leader->frozen, foothold->gadget, SYS_mmap, map, &result, e) < 0)
        return -1;
    if (result < 0 && result > -4096)
        return fail(e, (int)-result, TASK_FORMAT ": cannot map a script area: %s", TASK_NAME(task),
                    strerror((int)-result));
    foothold->area.local = arena_alloc(tree->dump->arena, area_size);
    foothold->area.remote = (uint64_t)result;
    foothold->area.size = area_size;
    return 0;
}

int foothold_take(struct tree *tree, struct task *task, struct foothold *foothold, struct error *e)
{
    struct error ignored;
    *foothold = (struct foothold){.task = task};
    if (find_syscall(task, &foothold->gadget, e) < 0)
        return -1;
    if (block_signals(task, e) == 0 && map_area(tree, foothold, e) == 0)
        return 0;
    put_back(task, &ignored);
    return -1;
}

int foothold_leave(struct foothold *foothold, struct error *e)
{
    const struct thread *leader = &foothold->task->threads.items[0];
    const uint64_t unmap[6] = {foothold->area.remote, area_size};
    struct error ignored;
    int64_t result = 0;
    int left =
        tracee_call(leader->tid, &leader->frozen, foothold->gadget, SYS_munmap, unmap, &result, e);
    if (put_back(foothold->task, left < 0 ? &ignored : e) < 0)
        return -1;
    return left;
}
