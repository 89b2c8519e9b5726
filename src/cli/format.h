/* How lists and objects are printed: as tables, as JSON, or by a template of the user. */
#ifndef STASIS_CLI_FORMAT_H
#define STASIS_CLI_FORMAT_H

#include <jansson.h>

#include "cli/command.h"

/* What a template may name in a row, and what stands above it in a table. */
struct column {
    const char *field; /* a list of columns ends where it is NULL */
    const char *header;
};

/* Prints one row per object of `rows`, whose members are the columns' fields (and " labels", for
 * {{.Label "k"}}). `format` is the user's: NULL or "table" (then `usual` is taken), "table
 * TEMPLATE", "json" or a template. 0, or -1 with *e and nothing printed. */
int print_rows(struct cli *cli, const struct column *columns, const char *usual, const char *format,
               json_t *rows, struct error *e);

/* "k=v,k2=v2" of an object of labels; "" where it is none. */
const char *labels_text(struct cli *cli, json_t *labels);

/* Prints one object and a newline by a template, or as indented JSON where it is NULL, or as
 * compact JSON where it is "json". 0, or -1 with *e and nothing printed. */
int print_object(struct cli *cli, const char *format, json_t *object, struct error *e);

/* Lines of cells that are separated by tabs, as columns that line up and are at least `narrowest`
 * characters wide. */
void print_aligned(struct cli *cli, const struct text_list *lines, size_t narrowest);

#endif
