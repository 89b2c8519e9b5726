/* Scripts run here, in a child of the test, without a target: they are data. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script/script.h"
#include "unit.h"

static struct script_area make_area(size_t size)
{
    struct error e;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct script_area area = {.local = memory, .remote = (uint64_t)memory, .size = size};
    script_area_init(&area, &e);
    return area;
}

/* Runs the script in a child until it says how it ended. */
static int run(struct script *script, struct error *e)
{
    uint32_t *ended = script_room(script->area, sizeof(*ended));
    script->head->ended = script_remote(script->area, ended);
    if (script_end(script, e) < 0)
        return -1;
    pid_t child = fork();
    if (child == 0)
        script_run_here(script);
    while (__atomic_load_n(ended, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, ended, 0 /* FUTEX_WAIT */, 0, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return script_verdict(script->area, script->head, e);
}

static const char *results_become_arguments(void)
{
    struct script_area area = make_area(65536);
    struct script script;
    struct error e;
    int ends[2];
    char got[6] = "";
    CHECK(pipe(ends) == 0 && script_begin(&script, &area, false, &e) == 0);
    struct script_op *dup =
        script_must_succeed(SCRIPT_CALL(&script, "duplicate", SYS_dup, (uint64_t)ends[1]));
    struct script_op *write_it = script_must_be(
        SCRIPT_CALL(&script, "write", SYS_write, 0, script_data(&area, "hello", 5), 5), 5);
    script_result_into(&area, dup, write_it, 0);
    CHECK(run(&script, &e) == 0);
    CHECK(dup->result > ends[1] && (int64_t)write_it->argument[0] == dup->result);
    CHECK(read(ends[0], got, 5) == 5);
    CHECK_TEXT(got, "hello");
    return NULL;
}

static const char *a_script_stops_at_what_is_not_as_demanded(void)
{
    struct script_area area = make_area(65536);
    struct script script;
    struct error e;
    CHECK(script_begin(&script, &area, false, &e) == 0);
    script_must_succeed(SCRIPT_CALL(&script, "close what is not open", SYS_close, 12345));
    struct script_op *never = SCRIPT_CALL(&script, "never", SYS_getpid);
    CHECK(run(&script, &e) < 0);
    CHECK(e.code == EBADF);
    CHECK_TEXT(e.text, "close what is not open (0x3039, 0, 0): Bad file descriptor");
    CHECK(never->result == 0);
    return NULL;
}

static const char *a_child_goes_on_with_its_own_script(void)
{
    struct script_area area = make_area(65536);
    struct script parent, child;
    struct error e;
    uint32_t zero = 0;
    CHECK(script_begin(&parent, &area, false, &e) == 0);
    CHECK(script_begin(&child, &area, false, &e) == 0);
    uint64_t word = script_data(&area, &zero, sizeof(zero));
    struct script_op *fork_op =
        script_must_succeed(SCRIPT_CALL(&parent, "fork", SYS_clone, SIGCHLD, 0, 0, 0, 0));
    fork_op->child = script_head_address(&child);
    script_wait_until(&parent, "wait for the child", word, 3);
    struct script_op *wait_op = script_must_succeed(
        SCRIPT_CALL(&parent, "reap the child", SYS_wait4, (uint64_t)-1, 0, 0, 0));
    script_post(&child, "tell the parent", word, 3);
    SCRIPT_CALL(&child, "exit", SYS_exit, 0);
    CHECK(script_end(&child, &e) == 0 && run(&parent, &e) == 0);
    CHECK(wait_op->result == fork_op->result);
    return NULL;
}

static const char *a_full_area_is_an_error(void)
{
    struct script_area area = make_area(4096);
    struct script script;
    struct error e;
    CHECK(script_begin(&script, &area, false, &e) == 0);
    for (int i = 0; i < 100; i++)
        script_must_succeed(SCRIPT_CALL(&script, "one too many", SYS_getpid));
    CHECK(script_end(&script, &e) < 0 && e.code == ENOSPC);
    return NULL;
}

int main(void)
{
    TEST(results_become_arguments);
    TEST(a_script_stops_at_what_is_not_as_demanded);
    TEST(a_child_goes_on_with_its_own_script);
    TEST(a_full_area_is_an_error);
    return 0;
}
