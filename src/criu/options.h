/* The options of criu's command line. Private to the room. */
#ifndef STASIS_CRIU_OPTIONS_H
#define STASIS_CRIU_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "stasis.h"

struct criu_options {
    struct stasis_options stasis;
    const char *command;
    const char *images_path, *work_path, *log_path, *pid_path;
    enum log_level level;
    bool version, help;
};

/* Reads the command line. Strings point into argv or the arena. 0, or -1 with *e. */
int criu_options_parse(struct criu_options *options, struct arena *arena, int argc, char **argv,
                       struct error *e);

#endif
