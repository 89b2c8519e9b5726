/* The command of a container: where it is in the container's PATH, and its environment. */
#ifndef STASIS_RUNTIME_COMMAND_H
#define STASIS_RUNTIME_COMMAND_H

#include "runtime/spec.h"

struct command {
    struct strings candidates; /* paths to try in this order */
    char *const *args, *const *env;
};

/* Works in the container's root. Adds HOME to the environment, from its /etc/passwd, where there is
 * none. */
struct command command_find(const struct process_spec *process, struct arena *arena);

/* Returns LAUNCH_COMMAND_FAILED with the error if none of the candidates can be executed. */
int command_execute(const struct command *command, struct error *e);

#endif
