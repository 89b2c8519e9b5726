/* A program that has written a title over its arguments and on into its environment. */
#include "specimen.h"

#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
    (void)count;
    static const char title[] = "server: waiting for a lot of work that comes by the network";
    MUST(setenv("SPECIMEN_DIR", strdup(getenv("SPECIMEN_DIR")), 1) == 0);
    strcpy(arguments[0], title);
    char *before = specimen_read("/proc/self/cmdline");
    MUST(before && strcmp(before, title) == 0);
    specimen_ready();
    specimen_demand_same("/proc/self/cmdline", before);
    specimen_end();
}
