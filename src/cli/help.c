#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 80

static const char *option_spelling(const struct option *option, struct arena *arena)
{
    const char *name =
        option->value ? arena_printf(arena, "%s %s", option->name, option->value) : option->name;
    if (option->letter)
        return arena_printf(arena, "-%c, --%s", option->letter, name);
    return arena_printf(arena, "    --%s", name);
}

static size_t widest_option(const struct option *table, struct arena *arena)
{
    size_t widest = 0;
    for (; table && table->name; table++) {
        size_t width = table->help ? strlen(option_spelling(table, arena)) : 0;
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* The number of bytes of `text` that go on a line of `width`: up to a newline or the last space. */
static size_t line_length(const char *text, size_t width)
{
    size_t length = strcspn(text, "\n");
    if (length <= width)
        return length;
    for (size_t at = width; at > 0; at--) {
        if (text[at] == ' ')
            return at;
    }
    return length;
}

static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t width = indent + 20 < LINE_WIDTH ? LINE_WIDTH - indent : 20;
    for (;;) {
        size_t length = line_length(text, width);
        fprintf(out, "%.*s\n", (int)length, text);
        text += length;
        if (!*text)
            return;
        text++;
        fprintf(out, "%*s", (int)indent, "");
    }
}

static int compare_options(const void *a, const void *b)
{
    return strcmp((*(const struct option *const *)a)->name,
                  (*(const struct option *const *)b)->name);
}

/* The options that help shows, in order of their names. */
static const struct option **shown_options(const struct option *table, struct arena *arena,
                                           size_t *count)
{
    VEC(const struct option *) shown = {0};
    for (; table && table->name; table++) {
        if (table->help)
            vec_add(arena, &shown, table);
    }
    if (shown.count > 0)
        qsort(shown.items, shown.count, sizeof(*shown.items), compare_options);
    *count = shown.count;
    return shown.items;
}

static void print_options(FILE *out, const struct option *table, struct arena *arena)
{
    size_t widest = widest_option(table, arena), count;
    const struct option **options = shown_options(table, arena, &count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  %-*s   ", (int)widest, option_spelling(options[i], arena));
        print_wrapped(out, options[i]->help, widest + 5);
    }
}

static void print_command_names(FILE *out, const struct command_name *names)
{
    for (; names->name; names++)
        fprintf(out, "  %-11s %s\n", names->name, names->command->summary);
}

static const char *usage_of(const struct command *command)
{
    return command->usage ? command->usage : "COMMAND";
}

/* Docker 1.10: options without letters in one column with --help among them, in order of name. */
static void print_classic_help(FILE *out, const struct command *command, const char *path)
{
    fprintf(out, "Usage:\t%s %s\n\n%s\n\n", path, usage_of(command), command->summary);
    bool help_shown = false;
    for (const struct option *option = command->options;; option++) {
        if (!help_shown && (!option->name || strcmp(option->name, "help") > 0)) {
            fprintf(out, "    --%-16s Print usage\n", "help");
            help_shown = true;
        }
        if (!option->name)
            return;
        if (option->help && !option->manual_only)
            fprintf(out, "    --%-16s %s\n", option->name, option->help);
    }
}

void print_help(FILE *out, const struct command *command, const char *path, struct arena *arena)
{
    if (command->classic_help) {
        print_classic_help(out, command, path);
        return;
    }
    fprintf(out, "Usage:  %s %s\n\n%s\n", path, usage_of(command), command->summary);
    size_t count;
    const char *aliases = command_aliases(command, arena, &count);
    if (count > 1)
        fprintf(out, "\nAliases:\n  %s\n", aliases);
    if (widest_option(command->options, arena) > 0) {
        fputs("\nOptions:\n", out);
        print_options(out, command->options, arena);
    }
    if (command->group) {
        fputs("\nCommands:\n", out);
        print_command_names(out, command->group);
        fprintf(out, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
    }
}

void print_general_help(FILE *out, const struct option *global_options, struct arena *arena)
{
    fputs("Usage:  stasis [OPTIONS] COMMAND\n\n"
          "Containers that can be frozen, kept on disk and brought back\n",
          out);
    fputs("\nManagement Commands:\n", out);
    for (const struct command_name *name = all_commands; name->name; name++) {
        if (name->command->group)
            fprintf(out, "  %-11s %s\n", name->name, name->command->summary);
    }
    fputs("\nCommands:\n", out);
    for (const struct command_name *name = all_commands; name->name; name++) {
        if (!name->command->group)
            fprintf(out, "  %-11s %s\n", name->name, name->command->summary);
    }
    fputs("\nGlobal Options:\n", out);
    print_options(out, global_options, arena);
    fputs("\nRun 'stasis COMMAND --help' for more information on a command.\n"
          "Run 'stasis criu --help' for checkpoint and restore of plain process trees.\n",
          out);
}
