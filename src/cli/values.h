/* What users write for sizes, limits, mounts and the like, as the API wants it.
 *
 * Every function returns 0 or an object, or -1 or NULL with *e, whose code is USAGE_ERROR. */
#ifndef STASIS_CLI_VALUES_H
#define STASIS_CLI_VALUES_H

#include <jansson.h>

#include "cli/command.h"

/* Bytes from "64m", "1.5GiB", "4096"; units are powers of 1024. "-1" is -1. */
int parse_bytes(const char *option, const char *text, int64_t *bytes, struct error *e);

/* Billionths of a processor from "1.5". */
int parse_cpus(const char *text, int64_t *nanos, struct error *e);

/* {"Name", "Soft", "Hard"} from "nofile=1024:2048". */
json_t *parse_ulimit(const char *text, struct error *e);

/* A mount of the API from "type=bind,source=/a,target=/b,readonly". */
json_t *parse_mount(struct cli *cli, const char *text, struct error *e);

/* Adds "SOURCE:TARGET[:OPTIONS]" to `binds`, or a lone "TARGET" to `volumes`. */
int parse_volume(struct cli *cli, const char *text, json_t *binds, json_t *volumes,
                 struct error *e);

/* Adds "KEY=VALUE", or "KEY" with its value from this process's environment, to `env`. */
void add_environment(struct cli *cli, const char *text, json_t *env);

/* Adds each line of a file in the same way; empty ones and those that begin with # are skipped. */
int add_environment_file(struct cli *cli, const char *path, json_t *env, struct error *e);

/* A security option: "k:v" becomes "k=v", a seccomp profile's path its content. */
json_t *parse_security_option(struct cli *cli, const char *text, struct error *e);

/* {"KEY": {"VALUE": true}} as text, from a list of "KEY=VALUE"; NULL in *filters for none. */
int parse_filters(struct cli *cli, const struct text_list *list, const char **filters,
                  struct error *e);

/* Seconds since 1970 with a fraction, from a time ("2013-01-02T13:23:37Z"), from how long ago
 * ("42m") or from such a number itself. */
int parse_since(struct cli *cli, const char *text, const char **since, struct error *e);

/* The absolute form of a path that the engine, which has another working directory, shall open. */
const char *absolute_path(struct cli *cli, const char *path);

#endif
