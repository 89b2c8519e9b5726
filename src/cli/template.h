/* Templates of --format: the part of Go's text/template that Docker's users write.
 *
 * {{.A.B}}, {{json .A}}, {{index .A 0}}, {{range}}, {{if}}, {{with}}, {{else}}, {{end}}, variables,
 * pipes, parentheses, comparisons and Docker's string functions. Values are JSON. */
#ifndef STASIS_CLI_TEMPLATE_H
#define STASIS_CLI_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

enum term_kind { TERM_DOT, TERM_VARIABLE, TERM_LITERAL, TERM_FUNCTION, TERM_PIPELINE };

struct names {
    const char **items;
    size_t count, capacity;
};

/* One operand: what it starts from and the fields that follow it. */
struct term {
    enum term_kind kind;
    const char *name; /* of a variable or function */
    json_t *literal;
    const struct pipeline *pipeline; /* in parentheses */
    struct names fields;
};

/* A function or value with its arguments. */
struct call {
    struct term *items;
    size_t count, capacity;
};

struct pipeline {
    struct names variables; /* that get the value: {{$x := ...}}, {{range $i, $x := ...}} */
    bool declares;          /* by := and not by = */
    struct {
        struct call *items;
        size_t count, capacity;
    } calls; /* each gets the result of the one before as its last argument */
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_RANGE, NODE_WITH, NODE_BREAK, NODE_CONTINUE };

struct node {
    enum node_kind kind;
    const char *text;
    const struct pipeline *pipeline;
    struct node *body, *otherwise;
    struct node *next;
};

struct template
{
    struct node *nodes; /* the arena's */
    json_t *literals;   /* holds the values that stand in the text */
};

/* Reads a template; `text` and the arena must outlive it. 0, or -1 with *e. template_free releases
 * it. */
int template_parse(struct template *parsed, const char *text, struct arena *arena, struct error *e);
void template_free(struct template *parsed);
#define AUTO_TEMPLATE __attribute__((cleanup(template_free)))

/* Writes what the template makes of `data`. 0, or -1 with *e. */
int template_print(const struct template *parsed, json_t *data, FILE *out, struct error *e);

#endif
