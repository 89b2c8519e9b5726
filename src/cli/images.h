/* What the commands about images share. */
#ifndef STASIS_CLI_IMAGES_H
#define STASIS_CLI_IMAGES_H

#include "cli/command.h"

/* An image's name in its two parts; `tag` is NULL where there is none. A colon before the last
 * slash belongs to a port. */
struct reference {
    const char *repository, *tag;
};

struct reference split_reference(struct cli *cli, const char *text);

#endif
