/* A tree whose only pipe holds nothing: no image has contents of pipes. */
#include "specimen.h"

#include <unistd.h>

int main(void)
{
    int ends[2];
    char byte = 0;
    MUST(pipe(ends) == 0);
    specimen_ready();
    DEMAND(write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x');
    specimen_end();
}
