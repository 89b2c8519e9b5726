/* The manual page, for man(7). */
#include <string.h>

#include "cli/help.h"

/* A line that begins with a dot or a quote would be a request; a backslash or a hyphen is special.
 */
static void print_escaped(FILE *out, const char *text)
{
    for (bool line_start = true; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\' || *text == '-')
            fputc('\\', out);
        fputc(*text == '\n' ? '\n' : *text, out);
        line_start = *text == '\n';
    }
}

static void print_option(FILE *out, const struct option *option)
{
    fputs(".TP\n\\fB", out);
    if (option->letter)
        fprintf(out, "\\-%c\\fR, \\fB", option->letter);
    fputs("\\-\\-", out);
    print_escaped(out, option->name);
    fputs("\\fR", out);
    if (option->value)
        fprintf(out, " \\fI%s\\fR", *option->value ? option->value : "directory");
    fputc('\n', out);
    print_escaped(out, option->help);
    fputc('\n', out);
}

static void print_options(FILE *out, const struct option *options)
{
    for (; options && options->name; options++) {
        if (options->help)
            print_option(out, options);
    }
}

static void print_commands(FILE *out, const struct command_name *names, const char *prefix,
                           struct arena *arena)
{
    for (; names->name; names++) {
        const struct command *command = names->command;
        const char *path = arena_printf(arena, "%s %s", prefix, names->name);
        const char *shortest = command_shortest_alias(command, arena);
        if (command->run && strcmp(path, shortest) == 0) {
            fprintf(out, ".SS %s %s\n", path, command->usage);
            print_escaped(out, command->summary);
            fputs(".\n", out);
            print_options(out, command->options);
        }
        if (command->group)
            print_commands(out, command->group, path, arena);
    }
}

void print_manual(FILE *out, const struct option *global_options, struct arena *arena)
{
    fputs(".TH STASIS 1 \"\" \"Stasis " STASIS_VERSION "\" \"User Commands\"\n"
          ".SH NAME\nstasis \\- containers that can be frozen, kept on disk and brought back\n"
          ".SH SYNOPSIS\n.B stasis\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
          ".SH DESCRIPTION\nStasis runs containers and understands the commands of Docker. A "
          "running container can be written to disk by\n.B stasis checkpoint\nand be brought back, "
          "by\n.BR \"stasis restore\" ,\nin the same container, in another one or on another "
          "machine.\n.PP\nWithout\n.B \\-\\-host\nno daemon is needed: every command works on the "
          "data root itself.\n.SH OPTIONS\nThese stand before the command.\n",
          out);
    print_options(out, global_options);
    fputs(".SH COMMANDS\nCommands about containers can also be called as\n.BR \"stasis container "
          "COMMAND\" ,\nthose about images as\n.BR \"stasis image COMMAND\" .\n",
          out);
    print_commands(out, all_commands, "stasis", arena);
    fputs(".SH EXIT STATUS\n0 after success, 1 after a failure, 125 where the command line was not "
          "understood.\n.B stasis run\nexits as its container does; with 125 where Stasis itself "
          "failed, 126 where the command cannot be executed, 127 where it was not found.\n"
          ".SH ENVIRONMENT\n.TP\n.B STASIS_HOST\nWhat\n.B \\-\\-host\nis where it is not given.\n"
          ".TP\n.B STASIS_DATA_ROOT\nWhat\n.B \\-\\-data\\-root\nis where it is not given.\n"
          ".SH SEE ALSO\n.BR criu (8),\n.BR docker (1)\n",
          out);
}
