/* Private anonymous memory: every protection, untouched and zero pages, locked memory, advice,
 * a gap that grows down; contents and /proc/self/smaps flags. */
#include "specimen.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 64 };

static uint8_t *map(int protection, int flags)
{
    uint8_t *at = mmap(NULL, PAGES * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    MUST(at != MAP_FAILED);
    return at;
}

static uint8_t byte_of(size_t page)
{
    return (uint8_t)(page * 31 + 5);
}

/* Writes every third page, zeroes every third, leaves every third untouched. */
static void fill(uint8_t *at)
{
    for (size_t page = 0; page < PAGES; page += 3)
        memset(at + page * PAGE, byte_of(page), PAGE);
    for (size_t page = 1; page < PAGES; page += 3)
        memset(at + page * PAGE, 0, PAGE);
}

static bool is_filled(const uint8_t *at)
{
    for (size_t page = 0; page < PAGES; page++)
        for (size_t i = 0; i < PAGE; i++)
            if (at[page * PAGE + i] != (page % 3 == 0 ? byte_of(page) : 0))
                return false;
    return true;
}

/* The mappings and flags that /proc shows, without its measures. Advice that the kernel itself
 * adds to memory as it is used is no state either. */
static char *flags_of_mappings(void)
{
    char *text = specimen_read("/proc/self/smaps"), *to = text, *next;
    for (char *line = text; *line; line = next) {
        size_t length = strcspn(line, "\n") + 1;
        next = line + length;
        bool is_mapping = strchr("0123456789abcdef", line[0]) != NULL;
        if (is_mapping || strncmp(line, "VmFlags:", 8) == 0) {
            memmove(to, line, length);
            to += length;
        }
    }
    *to = 0;
    return text;
}

int main(void)
{
    uint8_t *plain = map(PROT_READ | PROT_WRITE, 0);
    uint8_t *read_only = map(PROT_READ | PROT_WRITE, 0);
    uint8_t *hidden = map(PROT_READ | PROT_WRITE, 0);
    uint8_t *code = map(PROT_READ | PROT_WRITE | PROT_EXEC, 0);
    uint8_t *reserved = map(PROT_NONE, MAP_NORESERVE);
    uint8_t *locked = map(PROT_READ | PROT_WRITE, MAP_LOCKED);
    uint8_t *advised = map(PROT_READ | PROT_WRITE, 0);
    uint8_t *grows = map(PROT_READ | PROT_WRITE, MAP_GROWSDOWN);
    uint8_t *filled[] = {plain, read_only, hidden, code, advised, grows};
    for (size_t i = 0; i < sizeof(filled) / sizeof(*filled); i++)
        fill(filled[i]);
    memset(locked, 9, PAGES * PAGE);
    MUST(mprotect(read_only, PAGES * PAGE, PROT_READ) == 0);
    MUST(mprotect(hidden, PAGES * PAGE, PROT_NONE) == 0);
    MUST(madvise(advised, PAGES * PAGE, MADV_DONTFORK) == 0);
    MUST(madvise(advised, PAGES * PAGE, MADV_DONTDUMP) == 0);
    char *before = flags_of_mappings();

    specimen_ready();

    char *after = flags_of_mappings();
    DEMAND(strcmp(before, after) == 0);
    MUST(mprotect(hidden, PAGES * PAGE, PROT_READ) == 0);
    for (size_t i = 0; i < sizeof(filled) / sizeof(*filled); i++)
        DEMAND(is_filled(filled[i]));
    DEMAND(locked[0] == 9 && locked[PAGES * PAGE - 1] == 9);
    DEMAND(mprotect(reserved, PAGE, PROT_READ | PROT_WRITE) == 0 && reserved[0] == 0);
    plain[2 * PAGE] = 1;
    DEMAND(plain[2 * PAGE] == 1);
    specimen_end();
}
