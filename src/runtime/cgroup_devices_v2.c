#include "runtime/cgroup_devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The program, in the order of its instructions:
 *
 *     r2 = type, r3 = access, r4 = major, r5 = minor
 *     for every rule, the last one first:
 *         unless the rule fits, go to the next; else return its verdict
 *     return 1
 */
enum { type_register = BPF_REG_2, access_register, major_register, minor_register };
enum { rule_length_limit = 8, instructions_limit = 4096 };

struct program {
    struct bpf_insn instructions[instructions_limit];
    size_t count;
};

static void emit(struct program *program, struct bpf_insn instruction)
{
    program->instructions[program->count++] = instruction;
}

static void emit_load(struct program *program, uint8_t into, size_t offset)
{
    emit(program, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                                    .dst_reg = into,
                                    .src_reg = BPF_REG_1,
                                    .off = (int16_t)offset});
}

static void emit_alu(struct program *program, uint8_t operation, uint8_t on, int32_t value)
{
    emit(program,
         (struct bpf_insn){.code = BPF_ALU | operation | BPF_K, .dst_reg = on, .imm = value});
}

static void emit_return(struct program *program, int32_t value)
{
    emit_alu(program, BPF_MOV, BPF_REG_0, value);
    emit(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* A jump to the next rule, whose distance close_rule fills in. */
static void emit_leave_unless(struct program *program, uint8_t jump, uint8_t on, int32_t value)
{
    emit(program, (struct bpf_insn){.code = BPF_JMP32 | jump | BPF_K, .dst_reg = on, .imm = value});
}

static void close_rule(struct program *program, size_t start)
{
    for (size_t i = start; i < program->count; i++) {
        struct bpf_insn *instruction = &program->instructions[i];
        if ((instruction->code & 7) == BPF_JMP32)
            instruction->off = (int16_t)(program->count - i - 1);
    }
}

static void emit_prologue(struct program *program)
{
    emit_load(program, type_register, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    emit(program, (struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_X,
                                    .dst_reg = access_register,
                                    .src_reg = type_register});
    emit_alu(program, BPF_AND, type_register, 0xffff);
    emit_alu(program, BPF_RSH, access_register, 16);
    emit_load(program, major_register, offsetof(struct bpf_cgroup_dev_ctx, major));
    emit_load(program, minor_register, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

/* An allowing rule fits if it covers all that is asked, a denying one if it covers any of it. */
static void emit_rule(struct program *program, const struct device_rule *rule)
{
    size_t start = program->count;
    int32_t access = (rule->read ? BPF_DEVCG_ACC_READ : 0) |
                     (rule->write ? BPF_DEVCG_ACC_WRITE : 0) |
                     (rule->make ? BPF_DEVCG_ACC_MKNOD : 0);
    int32_t all = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
    if (rule->type != 'a')
        emit_leave_unless(program, BPF_JNE, type_register,
                          rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (rule->type != 'a' && rule->major != any_number)
        emit_leave_unless(program, BPF_JNE, major_register, (int32_t)rule->major);
    if (rule->type != 'a' && rule->minor != any_number)
        emit_leave_unless(program, BPF_JNE, minor_register, (int32_t)rule->minor);
    if (rule->type != 'a' && access != all) {
        emit(program, (struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_X,
                                        .dst_reg = BPF_REG_1,
                                        .src_reg = access_register});
        emit_alu(program, BPF_AND, BPF_REG_1, rule->allow ? all & ~access : access);
        emit_leave_unless(program, rule->allow ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0);
    }
    emit_return(program, rule->allow);
    close_rule(program, start);
}

/* Rules older than the last one for everything cannot be reached; the verifier refuses dead code.
 */
static size_t first_reachable(const struct device_rule *rules, size_t count)
{
    while (count > 0 && rules[count - 1].type != 'a')
        count--;
    return count ? count - 1 : 0;
}

static int load(const struct program *program, struct error *e)
{
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uint64_t)(uintptr_t)program->instructions,
        .insn_cnt = (uint32_t)program->count,
        .license = (uint64_t)(uintptr_t) "Apache-2.0",
    };
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    return fd < 0 ? fail_errno(e, "cannot load the device program") : fd;
}

int cgroup_attach_device_program(int cgroup_directory, const struct device_rule *rules,
                                 size_t count, struct error *e)
{
    struct program program = {.count = 0};
    size_t first = first_reachable(rules, count);
    if ((count - first + 2) * rule_length_limit > instructions_limit)
        return fail(e, E2BIG, "too many device rules (%zu)", count);
    emit_prologue(&program);
    for (size_t i = count; i > first; i--)
        emit_rule(&program, &rules[i - 1]);
    if (!count || rules[first].type != 'a')
        emit_return(&program, 1);
    AUTO_CLOSE int loaded = load(&program, e);
    if (loaded < 0)
        return -1;
    union bpf_attr attr = {.target_fd = (uint32_t)cgroup_directory,
                           .attach_bpf_fd = (uint32_t)loaded,
                           .attach_type = BPF_CGROUP_DEVICE};
    if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
        return fail_errno(e, "cannot attach the device program");
    return 0;
}
