/* The kinds of files, each defined in the file of its name. */
#ifndef STASIS_OBJECTS_KINDS_H
#define STASIS_OBJECTS_KINDS_H

#include "objects/object.h"

extern const struct file_kind pipe_kind;
extern const struct file_kind regfile_kind;
extern const struct file_kind tty_kind;

#endif
