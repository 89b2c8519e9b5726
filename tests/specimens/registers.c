/* General, x87, SSE and AVX registers and the flags of a thread that is in no system call. */
#include "specimen.h"

#include <fenv.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

struct state {
    uint8_t vectors[16][32];
    uint64_t general[8]; /* r8 to r15 */
    uint64_t flags;
    uint32_t mxcsr;
    uint16_t x87_control;
    uint8_t pad[2];
    double x87_top;
};

static volatile uint32_t told;
static struct state wanted, found;

static void fill(void)
{
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 32; k++)
            wanted.vectors[i][k] = (uint8_t)(i * 32 + k + 1);
    for (uint64_t i = 0; i < 8; i++)
        wanted.general[i] = 0x1111111111111111u * (i + 1);
    wanted.flags = 0x2 | 0x400 | 0x1; /* direction and carry */
    wanted.mxcsr = 0x1f80 | 0x6000;   /* round to zero */
    wanted.x87_control = 0x037f | 0x0400;
    wanted.x87_top = 3.25;
}

#define LOAD(n) "vmovdqu " #n "*32(%[wanted]), %%ymm" #n "\n"
#define SAVE(n) "vmovdqu %%ymm" #n ", " #n "*32(%[found])\n"
#define EACH(X)                                                                                    \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* Loads every register, spins until told, saves every register. The flags of the loop's own test
 * do not matter: `jrcxz` tests without changing any. */
static void *spin(void *nothing)
{
    __asm__ volatile(EACH(LOAD) "ldmxcsr %c[mxcsr](%[wanted])\n"
                                "fldcw %c[control](%[wanted])\n"
                                "fldl %c[top](%[wanted])\n"
                                "mov %c[general]+0(%[wanted]), %%r8\n"
                                "mov %c[general]+8(%[wanted]), %%r9\n"
                                "mov %c[general]+16(%[wanted]), %%r10\n"
                                "mov %c[general]+24(%[wanted]), %%r11\n"
                                "mov %c[general]+32(%[wanted]), %%r12\n"
                                "mov %c[general]+40(%[wanted]), %%r13\n"
                                "mov %c[general]+48(%[wanted]), %%r14\n"
                                "mov %c[general]+56(%[wanted]), %%r15\n"
                                "pushq %c[flags](%[wanted])\n"
                                "popfq\n"
                                "1: mov (%[told]), %%ecx\n"
                                "pause\n"
                                "jrcxz 1b\n"
                                "pushfq\n"
                                "popq %c[flags](%[found])\n"
                                "cld\n" EACH(SAVE) "stmxcsr %c[mxcsr](%[found])\n"
                                                   "fnstcw %c[control](%[found])\n"
                                                   "fstpl %c[top](%[found])\n"
                                                   "mov %%r8, %c[general]+0(%[found])\n"
                                                   "mov %%r9, %c[general]+8(%[found])\n"
                                                   "mov %%r10, %c[general]+16(%[found])\n"
                                                   "mov %%r11, %c[general]+24(%[found])\n"
                                                   "mov %%r12, %c[general]+32(%[found])\n"
                                                   "mov %%r13, %c[general]+40(%[found])\n"
                                                   "mov %%r14, %c[general]+48(%[found])\n"
                                                   "mov %%r15, %c[general]+56(%[found])\n"
                                                   "vzeroupper\n"
                     :
                     : [wanted] "S"(&wanted), [found] "D"(&found), [told] "b"(&told),
                       [general] "i"(__builtin_offsetof(struct state, general)),
                       [flags] "i"(__builtin_offsetof(struct state, flags)),
                       [mxcsr] "i"(__builtin_offsetof(struct state, mxcsr)),
                       [control] "i"(__builtin_offsetof(struct state, x87_control)),
                       [top] "i"(__builtin_offsetof(struct state, x87_top))
                     : "memory", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return nothing;
}

int main(void)
{
    pthread_t thread;
    if (!__builtin_cpu_supports("avx"))
        specimen_end();
    fill();
    MUST(pthread_create(&thread, NULL, spin, NULL) == 0);
    specimen_pause();
    specimen_ready();
    told = 1;
    pthread_join(thread, NULL);
    DEMAND(memcmp(wanted.vectors, found.vectors, sizeof(found.vectors)) == 0);
    DEMAND(memcmp(wanted.general, found.general, sizeof(found.general)) == 0);
    DEMAND((found.flags & 0xcd5) == (wanted.flags & 0xcd5));
    DEMAND((found.mxcsr & 0xffc0) == (wanted.mxcsr & 0xffc0));
    DEMAND(found.x87_control == wanted.x87_control && found.x87_top == wanted.x87_top);
    specimen_end();
}
