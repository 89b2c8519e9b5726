/* Mappings of files: private with pages of its own, shared and written through, read-only of a
 * region in the middle, past the end of the file. */
#include "specimen.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int make_file(const char *name)
{
    uint8_t page[PAGE];
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0);
    for (int i = 0; i < 8; i++) {
        memset(page, 'a' + i, PAGE);
        MUST(write(fd, page, PAGE) == PAGE);
    }
    return fd;
}

static uint8_t *map(int fd, int protection, int flags, off_t page)
{
    uint8_t *at = mmap(NULL, 4 * PAGE, protection, flags, fd, page * PAGE);
    MUST(at != MAP_FAILED);
    return at;
}

int main(void)
{
    int fd = make_file("mapped");
    int read_only_fd = open("mapped", O_RDONLY);
    MUST(read_only_fd >= 0);
    uint8_t *own = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    uint8_t *shared = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 4);
    uint8_t *looked_at = map(read_only_fd, PROT_READ, MAP_SHARED, 4);
    uint8_t *own_and_protected = map(read_only_fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 2);
    MUST(map(fd, PROT_READ, MAP_PRIVATE, 6));
    close(read_only_fd);
    own[PAGE] = 'X';
    shared[PAGE] = 'Y';
    own_and_protected[0] = 'Z';
    MUST(mprotect(own_and_protected, 4 * PAGE, PROT_READ) == 0);
    char *before = specimen_read("/proc/self/maps");

    specimen_ready();

    specimen_demand_same("/proc/self/maps", before);
    DEMAND(own[0] == 'a' && own[PAGE] == 'X' && own[PAGE + 1] == 'b' && own[2 * PAGE] == 'c');
    DEMAND(own_and_protected[0] == 'Z' && own_and_protected[1] == 'c');
    DEMAND(shared[PAGE] == 'Y' && looked_at[PAGE] == 'Y');
    shared[2] = 'W';
    uint8_t byte = 0;
    DEMAND(looked_at[2] == 'W' && pread(fd, &byte, 1, 4 * PAGE + 2) == 1 && byte == 'W');
    DEMAND(pread(fd, &byte, 1, PAGE) == 1 && byte == 'b');
    specimen_end();
}
