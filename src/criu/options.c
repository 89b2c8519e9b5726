#include "criu/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/text.h"

enum {
    OPT_PIDFILE = 256,
    OPT_INHERIT_FD,
    OPT_EXTERNAL,
    OPT_MANAGE_CGROUPS,
    OPT_CGROUP_ROOT,
    OPT_IGNORED,
};

static const char short_options[] = "dsRSjt:D:W:o:v::r:Vh";

static const struct option long_options[] = {
    {"tree", required_argument, NULL, 't'},
    {"pid", required_argument, NULL, 't'},
    {"images-dir", required_argument, NULL, 'D'},
    {"work-dir", required_argument, NULL, 'W'},
    {"log-file", required_argument, NULL, 'o'},
    {"verbosity", optional_argument, NULL, 'v'},
    {"leave-running", no_argument, NULL, 'R'},
    {"leave-stopped", no_argument, NULL, 's'},
    {"restore-detached", no_argument, NULL, 'd'},
    {"restore-sibling", no_argument, NULL, 'S'},
    {"shell-job", no_argument, NULL, 'j'},
    {"root", required_argument, NULL, 'r'},
    {"pidfile", required_argument, NULL, OPT_PIDFILE},
    {"inherit-fd", required_argument, NULL, OPT_INHERIT_FD},
    {"external", required_argument, NULL, OPT_EXTERNAL},
    {"manage-cgroups", optional_argument, NULL, OPT_MANAGE_CGROUPS},
    {"cgroup-root", required_argument, NULL, OPT_CGROUP_ROOT},
    {"log-pid", no_argument, NULL, OPT_IGNORED},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct lists {
    VEC(struct stasis_mapping) external_mounts;
    VEC(struct stasis_mapping) cgroup_roots;
    VEC(struct stasis_inherited_fd) inherited;
};

/* `fd[7]:pipe:[123]` */
static int parse_inherited(struct arena *arena, struct lists *lists, const char *text,
                           struct error *e)
{
    struct stasis_inherited_fd inherited = {0};
    const char *end = strstr(text, "]:");
    if (!starts_with(text, "fd[") || !end || !end[2] ||
        !parse_int(arena_strndup(arena, text + 3, (size_t)(end - text - 3)), &inherited.fd) ||
        inherited.fd < 0)
        return fail(e, EINVAL, "--inherit-fd %s: must look like fd[N]:KEY", text);
    inherited.key = end + 2;
    vec_add(arena, &lists->inherited, inherited);
    return 0;
}

/* `mnt[/point]:name` at dump, `mnt[name]:/source` at restore. */
static int parse_external(struct arena *arena, struct lists *lists, const char *text,
                          struct error *e)
{
    const char *end = strstr(text, "]:");
    if (!starts_with(text, "mnt[") || !end || !end[2] || end == text + 4)
        return fail(e, ENOTSUP, "--external %s: only mnt[KEY]:VALUE is supported", text);
    struct stasis_mapping mapping = {arena_strndup(arena, text + 4, (size_t)(end - text - 4)),
                                     end + 2};
    vec_add(arena, &lists->external_mounts, mapping);
    return 0;
}

/* `/path` for every controller, `cpu:/path` for one. */
static void parse_cgroup_root(struct arena *arena, struct lists *lists, const char *text)
{
    const char *colon = *text == '/' ? NULL : strchr(text, ':');
    struct stasis_mapping root = {NULL, text};
    if (colon) {
        root.key = arena_strndup(arena, text, (size_t)(colon - text));
        root.value = colon + 1;
    }
    vec_add(arena, &lists->cgroup_roots, root);
}

static int parse_pid(struct criu_options *options, const char *text, struct error *e)
{
    int pid = 0;
    if (!parse_int(text, &pid) || pid <= 0)
        return fail(e, EINVAL, "-t %s: not a process id", text);
    options->stasis.pid = pid;
    return 0;
}

/* -v4, -vvvv and -v 4 (as --verbosity=4). */
static int parse_level(struct criu_options *options, const char *text, struct error *e)
{
    int level = 0;
    if (!text)
        level = LOG_INFO;
    else if (strspn(text, "v") == strlen(text))
        level = (int)strlen(text) + 1;
    else if (!parse_int(text, &level) || level < 0)
        return fail(e, EINVAL, "-v%s: not a level of verbosity", text);
    options->level = level > LOG_DEBUG ? LOG_DEBUG : (enum log_level)level;
    return 0;
}

static int take_option(struct criu_options *options, struct arena *arena, struct lists *lists,
                       int option, char **argv, struct error *e)
{
    switch (option) {
    case 't':
        return parse_pid(options, optarg, e);
    case 'D':
        options->images_path = optarg;
        return 0;
    case 'W':
        options->work_path = optarg;
        return 0;
    case 'o':
        options->log_path = optarg;
        return 0;
    case 'v':
        return parse_level(options, optarg, e);
    case 'R':
        options->stasis.leave_running = true;
        return 0;
    case 's':
        options->stasis.leave_stopped = true;
        return 0;
    case 'd':
        options->stasis.restore_detached = true;
        return 0;
    case 'S':
        options->stasis.restore_as_child = true;
        return 0;
    case 'j':
        options->stasis.shell_job = true;
        return 0;
    case 'r':
        options->stasis.root = optarg;
        return 0;
    case 'V':
        options->version = true;
        return 0;
    case 'h':
        options->help = true;
        return 0;
    case OPT_PIDFILE:
        options->pid_path = optarg;
        return 0;
    case OPT_INHERIT_FD:
        return parse_inherited(arena, lists, optarg, e);
    case OPT_EXTERNAL:
        return parse_external(arena, lists, optarg, e);
    case OPT_MANAGE_CGROUPS:
        options->stasis.manage_cgroups = !optarg || strcmp(optarg, "ignore") != 0;
        return 0;
    case OPT_CGROUP_ROOT:
        parse_cgroup_root(arena, lists, optarg);
        return 0;
    case OPT_IGNORED:
        return 0;
    default:
        return fail(e, EINVAL, "%s: unknown option or missing value", argv[optind - 1]);
    }
}

int criu_options_parse(struct criu_options *options, struct arena *arena, int argc, char **argv,
                       struct error *e)
{
    struct lists lists = {0};
    *options = (struct criu_options){.level = LOG_WARNING, .images_path = "."};
    opterr = 0;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1;)
        if (take_option(options, arena, &lists, option, argv, e) < 0)
            return -1;
    if (optind < argc)
        options->command = argv[optind];
    if (optind + 1 < argc)
        return fail(e, EINVAL, "%s: one argument too many", argv[optind + 1]);
    options->stasis.external_mounts = lists.external_mounts.items;
    options->stasis.external_mounts_count = lists.external_mounts.count;
    options->stasis.cgroup_roots = lists.cgroup_roots.items;
    options->stasis.cgroup_roots_count = lists.cgroup_roots.count;
    options->stasis.inherited_fds = lists.inherited.items;
    options->stasis.inherited_fds_count = lists.inherited.count;
    return 0;
}
