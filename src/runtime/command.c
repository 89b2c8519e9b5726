#include "runtime/command.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "runtime/launch.h"

static const char *variable(const char *const *env, const char *name_and_equals)
{
    const char *value = NULL;
    for (; *env; env++)
        if (starts_with(*env, name_and_equals))
            value = *env + strlen(name_and_equals);
    return value;
}

/* fgetpwent(3) reads the file alone: no other source of users, no libraries of the container. */
static const char *home_of(uid_t uid, struct arena *arena)
{
    AUTO_FCLOSE FILE *file = fopen("/etc/passwd", "re");
    struct passwd *entry = NULL;
    while (file && (entry = fgetpwent(file)))
        if (entry->pw_uid == uid && entry->pw_dir[0])
            return arena_strdup(arena, entry->pw_dir);
    return "/";
}

static char *const *environment(const struct process_spec *process, struct arena *arena)
{
    struct strings env = {0};
    for (const char **at = process->env; *at; at++)
        vec_add(arena, &env, *at);
    const char *home = variable(process->env, "HOME=");
    if (!home || !*home)
        vec_add(arena, &env, arena_printf(arena, "HOME=%s", home_of(process->uid, arena)));
    vec_add(arena, &env, NULL);
    return (char *const *)env.items;
}

static struct strings candidates(const struct process_spec *process, struct arena *arena)
{
    struct strings found = {0};
    const char *command = process->args[0], *path = variable(process->env, "PATH=");
    if (strchr(command, '/') || !*command) {
        vec_add(arena, &found, command);
        return found;
    }
    for (const char *at = path ? path : "/bin:/usr/bin";; at++) {
        size_t length = strcspn(at, ":");
        const char *directory = length ? arena_strndup(arena, at, length) : ".";
        vec_add(arena, &found, arena_printf(arena, "%s/%s", directory, command));
        at += length;
        if (!*at)
            return found;
    }
}

struct command command_find(const struct process_spec *process, struct arena *arena)
{
    return (struct command){.candidates = candidates(process, arena),
                            .args = (char *const *)process->args,
                            .env = environment(process, arena)};
}

/* As a shell sorts it: what is not there, and what is there but cannot be executed. */
static int fail_command(const char *name, int code, struct error *e)
{
    bool missing = code == ENOENT || code == ENOTDIR;
    if (missing && !strchr(name, '/'))
        fail(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
    else
        fail(e, missing ? ENOENT : EACCES, "exec: \"%s\": %s", name, strerror(code));
    return LAUNCH_COMMAND_FAILED;
}

/* A container that runs /proc/self/exe gets the caller's own file, yet cannot write to it while the
 * caller (the container's monitor) runs from it: ETXTBSY. */
int command_execute(const struct command *command, struct error *e)
{
    int code = ENOENT;
    for (size_t i = 0; i < command->candidates.count; i++) {
        execve(command->candidates.items[i], command->args, command->env);
        bool missing = errno == ENOENT || errno == ENOTDIR;
        /* As execvp(3): a file that may not be executed counts only if no other can be. */
        if (!missing || command->candidates.count == 1)
            code = errno;
        if (!missing && errno != EACCES)
            break;
    }
    return fail_command(command->args[0], code, e);
}
