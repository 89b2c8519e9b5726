#include "cli/command.h"

#include <string.h>

static const struct command *find_in(const struct command_name *names, const char *word)
{
    for (; names->name; names++) {
        if (strcmp(names->name, word) == 0)
            return names->command;
    }
    return NULL;
}

const struct command *find_command(struct words *words, const char **path, struct arena *arena,
                                   struct error *e)
{
    const struct command *command = NULL;
    const struct command_name *names = all_commands;
    *path = "stasis";
    while (names && words->count > 0) {
        const struct command *found = find_in(names, words->items[0]);
        if (!found && command && (command->run || words->items[0][0] == '-'))
            return command;
        if (!found) {
            fail_usage(e, "unknown command: %s %s", *path, words->items[0]);
            return NULL;
        }
        *path = arena_printf(arena, "%s %s", *path, words->items[0]);
        words->items++;
        words->count--;
        command = found;
        names = found->group;
    }
    return command;
}

static const char *add_aliases(const struct command_name *names, const char *prefix,
                               const struct command *command, const char *found,
                               struct arena *arena, size_t *count)
{
    for (; names->name; names++) {
        const char *path = arena_printf(arena, "%s %s", prefix, names->name);
        if (names->command == command) {
            found = *found ? arena_printf(arena, "%s, %s", found, path) : path;
            (*count)++;
        } else if (names->command->group) {
            found = add_aliases(names->command->group, path, command, found, arena, count);
        }
    }
    return found;
}

const char *command_aliases(const struct command *command, struct arena *arena, size_t *count)
{
    *count = 0;
    return add_aliases(all_commands, "stasis", command, "", arena, count);
}

const char *command_shortest_alias(const struct command *command, struct arena *arena)
{
    size_t count;
    char *rest = arena_strdup(arena, command_aliases(command, arena, &count));
    const char *shortest = NULL;
    for (char *alias; (alias = strsep(&rest, ",")) && *alias;) {
        alias += *alias == ' ';
        if (!shortest || strlen(alias) < strlen(shortest))
            shortest = alias;
    }
    return shortest;
}
