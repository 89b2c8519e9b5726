/* Anonymous memory shared between processes is shared afterwards, wherever each has it mapped. */
#include "specimen.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { SIZE = 1 << 20 };

static volatile uint8_t *memory;

static void answer(void *nothing)
{
    (void)nothing;
    volatile uint8_t *moved = mremap((void *)memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                                     (uint8_t *)memory + 4 * SIZE);
    MUST(moved != MAP_FAILED);
    moved[1] = 2;
    specimen_leave_mark("moved");
    specimen_wait_told();
    while (moved[SIZE - 1] != 77)
        specimen_pause();
    moved[SIZE - 2] = 78;
    DEMAND(moved[0] == 1 && moved[1] == 2 && moved[SIZE / 2] == 3);
}

int main(void)
{
    /* Reserved so that the child finds a free place. */
    memory = mmap(NULL, 8 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED);
    MUST(munmap((void *)memory, 8 * SIZE) == 0);
    MUST(mmap((void *)memory, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
              -1, 0) == memory);
    memory[0] = 1;
    memory[SIZE / 2] = 3;
    pid_t child = specimen_fork(answer, NULL);
    specimen_wait_mark("moved");

    specimen_ready();

    DEMAND(memory[0] == 1 && memory[1] == 2 && memory[SIZE / 2] == 3 && memory[5000] == 0);
    memory[SIZE - 1] = 77;
    specimen_join(child);
    DEMAND(memory[SIZE - 2] == 78);
    specimen_end();
}
