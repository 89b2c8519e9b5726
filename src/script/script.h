/* Scripts: arrays of system calls that a small runner executes inside another process.
 *
 * An area is memory that builder and runner both see, or that the builder writes into the target:
 * it begins with the runner's code, then heads, operations and their data as they are added. A
 * script is a chain of operations; its head tells how far it came. All addresses inside are those
 * of the runner's address space.
 *
 * The runner uses registers only, no stack, so that any number of threads and copy-on-write
 * children may run in one area. See arch/x86_64/runner.S. */
#ifndef STASIS_SCRIPT_SCRIPT_H
#define STASIS_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* How far a script came. */
enum script_state { SCRIPT_RUNNING = 0, SCRIPT_DONE = 1, SCRIPT_FAILED = 2 };

enum script_demand {
    DEMAND_NOTHING = 0,
    DEMAND_SUCCESS = 1, /* no error: the result is not within -4095..-1 */
    DEMAND_EXACTLY = 2, /* the result equals `wanted` */
};

/* Offsets are known to runner.S. */
struct script_op {
    uint64_t number;      /*  0: system call */
    uint64_t argument[6]; /* 8 */
    int64_t result;       /* 56 */
    uint64_t forward;     /* 64: address that takes the result too, or 0 */
    uint32_t kind;        /* 72 */
    uint32_t demand;      /* 76 */
    int64_t wanted;       /* 80 */
    uint64_t child;       /* 88: head that a child (result 0) goes on with, or 0 */
    uint64_t next;        /* 96: next operation */
    const char *words;    /* 104: what it is for; the builder's address, not read by the runner */
};

struct script_head {
    uint32_t state;  /*  0: enum script_state */
    uint32_t trap;   /*  4: non-zero: stop by a trap at the end, for a ptracer; else pause for ever,
                            or exit after a failure */
    uint64_t failed; /*  8: operation that failed its demand */
    uint64_t first;  /* 16: first operation */
    uint64_t ended;  /* 24: address of a word that is counted up and woken (a shared futex) once the
                        script is done or has failed; or 0 */
};

/* Memory for scripts: `local` is where the builder sees it, `remote` where the runner does. */
struct script_area {
    unsigned char *local;
    uint64_t remote;
    size_t size, used;
};

struct script {
    struct script_area *area;
    struct script_head *head;
    struct script_op *last;    /* NULL while empty */
    struct script_op overflow; /* what callers fill once the area is full */
};

/* Bytes of the runner's code, which stands at the beginning of every area. */
size_t script_runner_size(void);

/* Puts the runner at the start of `area` (local, remote, size set by the caller). */
int script_area_init(struct script_area *area, struct error *e);

/* `size` zeroed bytes of the area, 8-byte aligned. NULL if it is full: check script_area_left
 * before, or treat as an error of the caller's sizing. */
void *script_room(struct script_area *area, size_t size);
/* Copies data into the area; returns the runner's address of it, 0 if the area is full. */
uint64_t script_data(struct script_area *area, const void *data, size_t size);
/* The runner's address of something in the area, and back. */
uint64_t script_remote(const struct script_area *area, const void *local);
void *script_local(const struct script_area *area, uint64_t remote);

/* Starts an empty script; `trap` as in script_head. */
int script_begin(struct script *script, struct script_area *area, bool trap, struct error *e);

/* Adds a system call; `words` (kept by address) say what it is for in messages and listings. The op
 * may be changed afterwards (demand, forward, child). Never NULL: a full area gives an op outside
 * of it and script_end fails. */
struct script_op *script_call6(struct script *script, const char *words, long number,
                               const uint64_t argument[6]);
#define SCRIPT_CALL(script, words, number, ...)                                                    \
    script_call6((script), (words), (number), (const uint64_t[6]){__VA_ARGS__})

/* Demands on the operation just added. */
struct script_op *script_must_succeed(struct script_op *op);
struct script_op *script_must_be(struct script_op *op, int64_t wanted);
/* The result of `op` becomes argument `n` of `later`. Both in the same area. */
void script_result_into(struct script_area *area, struct script_op *op, struct script_op *later,
                        unsigned n);

/* Waits until the 32-bit word at runner's address `word` is at least `value` (a shared futex). */
struct script_op *script_wait_until(struct script *script, const char *words, uint64_t word,
                                    uint32_t value);
/* Adds `value` to the word and wakes all who wait on it. */
struct script_op *script_post(struct script *script, const char *words, uint64_t word,
                              uint32_t value);

/* Closes the script. Fails if the area was too small. */
int script_end(struct script *script, struct error *e);

/* Address where a runner starts with this script: the code, and the value its head register takes.
 */
uint64_t script_entry(const struct script *script);
uint64_t script_head_address(const struct script *script);

/* After a run: 0 if it came to its end, -1 with *e saying which call failed and how. */
int script_verdict(const struct script_area *area, const struct script_head *head, struct error *e);

/* One line of text per operation, for --explain and for tests. In the arena. */
char *script_print(struct arena *arena, const struct script *script);

/* In a process that was just forked and that sees `area` at its remote address: runs the script;
 * never returns. */
_Noreturn void script_run_here(const struct script *script);

#endif
