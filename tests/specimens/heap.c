/* The heap: its bounds, what is in it, and that it grows on. */
#include "specimen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    enum { COUNT = 500, SIZE = 1000 };
    static uint8_t *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        MUST((blocks[i] = malloc(SIZE)));
        memset(blocks[i], i & 0xff, SIZE);
    }
    void *end = sbrk(0);

    specimen_ready();

    DEMAND(sbrk(0) == end);
    for (int i = 0; i < COUNT; i++)
        DEMAND(blocks[i][0] == (i & 0xff) && blocks[i][SIZE - 1] == (i & 0xff));
    uint8_t *more = sbrk(1 << 20);
    DEMAND(more == end);
    if (more == end)
        memset(more, 1, 1 << 20);
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    specimen_end();
}
