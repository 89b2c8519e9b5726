/* Shell completion, made from the tables. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/globals.h"
#include "cli/help.h"

static void print_option_words(FILE *out, const struct option *options)
{
    for (; options && options->name; options++) {
        if (options->help)
            fprintf(out, " --%s", options->name);
    }
    fputs(" --help", out);
}

static void print_command_words(FILE *out, const struct command_name *names)
{
    for (; names && names->name; names++)
        fprintf(out, " %s", names->name);
}

/* One line of a case: the command's path, its subcommands or options. */
static void print_cases(FILE *out, const struct command_name *names, const char *prefix,
                        struct arena *arena)
{
    for (; names->name; names++) {
        const struct command *command = names->command;
        const char *path = arena_printf(arena, "%s%s", prefix, names->name);
        fprintf(out, "    '%s') options='", path);
        print_option_words(out, command->options);
        fputs("'; commands='", out);
        print_command_words(out, command->group);
        fprintf(out, "'; names='%s' ;;\n",
                command->usage && strstr(command->usage, "IMAGE")       ? "images"
                : command->usage && strstr(command->usage, "CONTAINER") ? "containers"
                                                                        : "");
        if (command->group)
            print_cases(out, command->group, arena_printf(arena, "%s ", path), arena);
    }
}

static const char script_start[] =
    "# bash completion for stasis; made by `stasis completion bash`.\n"
    "_stasis_describe() {\n"
    "    case \"$1\" in\n";

static const char script_end[] =
    "    *) return 1 ;;\n"
    "    esac\n"
    "}\n"
    "_stasis_names() {\n"
    "    case \"$1\" in\n"
    "    containers) \"${globals[@]}\" ps -a --format '{{.Names}}' ;;\n"
    "    images) \"${globals[@]}\" images --format '{{.Repository}}:{{.Tag}}' ;;\n"
    "    esac 2>/dev/null\n"
    "}\n"
    "_stasis() {\n"
    "    local word=\"${COMP_WORDS[COMP_CWORD]}\" path='' options='' commands='' names='' i\n"
    "    local -a globals=(\"${COMP_WORDS[0]}\")\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case \"${COMP_WORDS[i]}\" in\n"
    "        --data-root | --graph | --host | -H | --storage-driver)\n"
    "            globals+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[++i]}\") ;;\n"
    "        -*) [ -n \"$path\" ] || globals+=(\"${COMP_WORDS[i]}\") ;;\n"
    "        *) _stasis_describe \"${path:+$path }${COMP_WORDS[i]}\" || break\n"
    "            path=\"${path:+$path }${COMP_WORDS[i]}\" ;;\n"
    "        esac\n"
    "    done\n"
    "    _stasis_describe \"$path\"\n"
    "    case \"$word\" in\n"
    "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\") ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"$commands ${names:+$(_stasis_names $names)}\" -- "
    "\"$word\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -o default -F _stasis stasis\n";

static void print_bash_completion(FILE *out, const struct option *global_options,
                                  struct arena *arena)
{
    fputs(script_start, out);
    fputs("    '') options='", out);
    print_option_words(out, global_options);
    fputs("'; commands='", out);
    print_command_words(out, all_commands);
    fputs("' ;;\n", out);
    print_cases(out, all_commands, "", arena);
    fputs(script_end, out);
}

static int run_completion(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    if (strcmp(words.items[0], "bash") == 0)
        print_bash_completion(stdout, global_option_table, cli->arena);
    else if (strcmp(words.items[0], "man") == 0)
        print_manual(stdout, global_option_table, cli->arena);
    else
        return fail_usage(e, "%s: only bash and man are known", words.items[0]);
    return 0;
}

const struct command completion_command = {
    .usage = "bash|man",
    .summary = "Print a completion script for the shell, or the manual page",
    .least = 1,
    .most = 1,
    .run = run_completion};
