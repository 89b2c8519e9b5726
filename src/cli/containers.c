#include "cli/containers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int client_start_container(struct cli *cli, const char *name, const char *checkpoint,
                           const char *checkpoint_dir, struct error *e)
{
    char *path = api_path(cli, "/containers/%s/start", name);
    path = with_query(cli, path, "checkpoint", checkpoint);
    path = with_query(cli, path, "checkpoint-dir", checkpoint_dir);
    return tell(cli, "POST", path, NULL, e);
}

static bool mentions(const struct error *e, const char *words)
{
    return strcasestr(e->text, words) != NULL;
}

int status_of_failed_start(const struct error *e)
{
    if (mentions(e, "executable file not found") || mentions(e, "no such file or directory"))
        return 127;
    if (mentions(e, "permission denied") || mentions(e, "is a directory") ||
        mentions(e, "exec format error"))
        return 126;
    return 125;
}

void report(const struct error *e)
{
    fflush(stdout);
    bool from_engine = starts_with(e->text, "Error response from daemon:") ||
                       starts_with(e->text, "Error: No such");
    fprintf(stderr, "%s%s\n", from_engine ? "" : "stasis: ", e->text);
}

int for_each_name(struct cli *cli, const void *options, struct words words,
                  container_action *action)
{
    int status = 0;
    for (size_t i = 0; i < words.count; i++) {
        struct error e = {0};
        int result = *words.items[i] ? action(cli, options, words.items[i], &e)
                                     : fail(&e, EINVAL, "a name is empty");
        if (result < 0) {
            report(&e);
            status = 1;
        } else if (result == 0) {
            puts(words.items[i]);
        }
    }
    return status;
}
