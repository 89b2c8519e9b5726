/* Memory that a tree shares by fork is still shared in memory afterwards, and what each process
 * changed is its own. */
#include "specimen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1024, CHILDREN = 4 };

static uint8_t *memory;

static uint8_t byte_of(int page)
{
    return (uint8_t)(page % 251 + 1);
}

/* Child `number` writes page `number` and every page whose index ends in its number. */
static bool is_mine(int page, int number)
{
    return page == number || page % 100 == number;
}

static bool is_right(int number)
{
    for (int page = 0; page < PAGES; page++) {
        uint8_t wanted = number && is_mine(page, number) ? (uint8_t)(200 + number) : byte_of(page);
        if (memory[page * PAGE] != wanted || memory[page * PAGE + PAGE - 1] != wanted)
            return false;
    }
    return true;
}

static void change(void *argument)
{
    int number = (int)(uintptr_t)argument;
    for (int page = 0; page < PAGES; page++)
        if (is_mine(page, number))
            memset(memory + page * PAGE, 200 + number, PAGE);
    specimen_leave_mark((const char[]){'c', (char)('0' + number), 0});
    specimen_wait_told();
    DEMAND(is_right(number));
    specimen_wait_mark("measured");
}

/* Kilobytes of `memory` as this process's share: what several processes have is divided. */
static long proportional_kilobytes(void)
{
    char *text = specimen_read("/proc/self/smaps_rollup");
    char *line = text ? strstr(text, "\nPss:") : NULL;
    return line ? strtol(line + 5, NULL, 10) : -1;
}

int main(void)
{
    memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED);
    for (int page = 0; page < PAGES; page++)
        memset(memory + page * PAGE, byte_of(page), PAGE);
    pid_t children[CHILDREN];
    for (uintptr_t i = 0; i < CHILDREN; i++) {
        children[i] = specimen_fork(change, (void *)(i + 1));
        specimen_wait_mark((const char[]){'c', (char)('1' + i), 0});
    }
    long before = proportional_kilobytes();

    specimen_ready();

    long after = proportional_kilobytes();
    specimen_leave_mark("measured");
    DEMAND(is_right(0));
    DEMAND(after < before + before / 2);
    for (int i = 0; i < CHILDREN; i++)
        specimen_join(children[i]);
    specimen_end();
}
