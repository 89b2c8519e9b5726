#include "cli/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/human.h"
#include "cli/template.h"

#define NARROWEST_COLUMN 10
#define SPACE_BETWEEN_COLUMNS 3

struct widths {
    size_t *items;
    size_t count, capacity;
};

static struct widths measure(struct cli *cli, const struct text_list *lines, size_t narrowest)
{
    struct widths widths = {0};
    for (size_t i = 0; i < lines->count; i++) {
        char *rest = arena_strdup(cli->arena, lines->items[i]);
        size_t column = 0;
        for (char *cell; (cell = strsep(&rest, "\t")) && rest; column++) {
            if (column == widths.count)
                vec_add(cli->arena, &widths, narrowest);
            size_t width = text_width(cell) + SPACE_BETWEEN_COLUMNS;
            if (width > widths.items[column])
                widths.items[column] = width;
        }
    }
    return widths;
}

void print_aligned(struct cli *cli, const struct text_list *lines, size_t narrowest)
{
    struct widths widths = measure(cli, lines, narrowest);
    for (size_t i = 0; i < lines->count; i++) {
        char *rest = arena_strdup(cli->arena, lines->items[i]);
        size_t column = 0;
        for (char *cell; (cell = strsep(&rest, "\t")); column++) {
            int space = rest ? (int)(widths.items[column] - text_width(cell)) : 0;
            printf("%s%*s", cell, space, "");
        }
        putchar('\n');
    }
}

const char *labels_text(struct cli *cli, json_t *labels)
{
    const char *text = "";
    const char *key;
    json_t *value;
    json_object_foreach (labels, key, value) {
        const char *label = json_string_value(value);
        text =
            arena_printf(cli->arena, "%s%s%s=%s", text, *text ? "," : "", key, label ? label : "");
    }
    return text;
}

/* In a format, `\t` and `\n` may be written as two characters. */
static const char *unescape(struct cli *cli, const char *format)
{
    char *text = arena_strdup(cli->arena, format);
    char *end = text;
    for (const char *at = text; *at; at++) {
        if (at[0] == '\\' && (at[1] == 't' || at[1] == 'n'))
            *end++ = *++at == 't' ? '\t' : '\n';
        else
            *end++ = *at;
    }
    *end = 0;
    return text;
}

/* What the template makes of `data`, in the arena; NULL with *e. */
static const char *render(struct cli *cli, const struct template *parsed, json_t *data,
                          struct error *e)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        fail_errno(e, "making room for the output");
        return NULL;
    }
    int result = template_print(parsed, data, out, e);
    fclose(out);
    const char *kept = result < 0 ? NULL : arena_strdup(cli->arena, text);
    free(text);
    return kept;
}

static json_t *header_row(const struct column *columns)
{
    json_t *row = json_object();
    for (; columns->field; columns++)
        json_object_set_new(row, columns->field, json_string(columns->header));
    return row;
}

static int add_line(struct cli *cli, const struct template *parsed, json_t *row,
                    struct text_list *lines, struct error *e)
{
    const char *line = render(cli, parsed, row, e);
    if (!line)
        return -1;
    vec_add(cli->arena, lines, line);
    return 0;
}

/* A row without what only {{.Label}} looks at: what {{json .}} shows. */
static json_t *visible(const json_t *row)
{
    json_t *copy = json_copy((json_t *)row);
    json_object_del(copy, " labels");
    return copy;
}

static int print_rows_as_json(json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row) {
        json_auto_t *shown = visible(row);
        json_dumpf(shown, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        putchar('\n');
    }
    return 0;
}

int print_rows(struct cli *cli, const struct column *columns, const char *usual, const char *format,
               json_t *rows, struct error *e)
{
    if (!format || strcmp(format, "table") == 0)
        format = usual;
    if (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0)
        return print_rows_as_json(rows);
    bool is_table = starts_with(format, "table ");
    AUTO_TEMPLATE struct template parsed = {0};
    const char *text = unescape(cli, is_table ? format + strlen("table ") : format);
    if (template_parse(&parsed, text, cli->arena, e) < 0)
        return -1;
    struct text_list lines = {0};
    json_auto_t *headers = header_row(columns);
    if (is_table && add_line(cli, &parsed, headers, &lines, e) < 0)
        return -1;
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row) {
        if (add_line(cli, &parsed, row, &lines, e) < 0)
            return -1;
    }
    if (is_table)
        print_aligned(cli, &lines, NARROWEST_COLUMN);
    for (i = 0; !is_table && i < lines.count; i++)
        puts(lines.items[i]);
    return 0;
}

int print_object(struct cli *cli, const char *format, json_t *object, struct error *e)
{
    if (!format || strcmp(format, "json") == 0) {
        json_dumpf(object, stdout,
                   JSON_ENCODE_ANY | (format ? JSON_COMPACT : (size_t)JSON_INDENT(4)));
        putchar('\n');
        return 0;
    }
    AUTO_TEMPLATE struct template parsed = {0};
    if (template_parse(&parsed, unescape(cli, format), cli->arena, e) < 0)
        return -1;
    const char *text = render(cli, &parsed, object, e);
    if (!text)
        return -1;
    puts(text);
    return 0;
}
