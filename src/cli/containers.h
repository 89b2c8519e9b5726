/* What the commands about containers share. */
#ifndef STASIS_CLI_CONTAINERS_H
#define STASIS_CLI_CONTAINERS_H

#include "cli/client.h"
#include "cli/spec.h"

/* Creates a container; *id becomes its id. 0, or -1 with *e. */
int client_create_container(struct cli *cli, const struct container_options *options,
                            struct words words, const char **id, struct error *e);

/* Starts a container, from a checkpoint if one is named. 0, or -1 with *e. */
int client_start_container(struct cli *cli, const char *name, const char *checkpoint,
                           const char *checkpoint_dir, struct error *e);

/* Exit status of a container that could not be started, by the text of the error as Docker does it:
 * 127 for a command that was not found, 126 for one that cannot be executed, else 125. */
int status_of_failed_start(const struct error *e);

/* Calls `action` for every word. Where it returns 0 the word is printed, where -1 its error; above
 * 0 nothing. The exit status of the command: 1 if any failed. */
typedef int container_action(struct cli *cli, const void *options, const char *name,
                             struct error *e);
int for_each_name(struct cli *cli, const void *options, struct words words,
                  container_action *action);

/* Prints what the engine knows of the containers, images or volumes (`type`) of these names, by a
 * template or, where it is NULL, as a JSON list. The exit status: 1 if any was not there. */
int inspect_kind(struct cli *cli, const char *type, const char *format, struct words words,
                 struct error *e);

/* Prints an error as commands do, with "stasis: " before what does not come from the engine. */
void report(const struct error *e);

#endif
