#include "objects/kinds.h"

const struct file_kind *const file_kinds[] = {
    &pipe_kind,
    &regfile_kind,
    &tty_kind,
    NULL,
};
