#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/template.h"

struct parser {
    const char *at;
    int depth; /* of blocks and parentheses */
    bool in_range;
    struct arena *arena;
    json_t *literals;
    struct error *e;
};

/* A template nests as deep as its writer wants; the stack does not. */
#define DEEPEST 100

static int bad_template(struct parser *p, const char *why)
{
    return fail(p->e, EINVAL, "template parsing error: template: %s", why);
}

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void skip_spaces(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
}

static const char *take_name(struct parser *p)
{
    const char *start = p->at;
    while (is_name(*p->at))
        p->at++;
    return arena_strndup(p->arena, start, (size_t)(p->at - start));
}

static bool take_word(struct parser *p, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(p->at, word, length) != 0 || is_name(p->at[length]))
        return false;
    p->at += length;
    return true;
}

static bool take(struct parser *p, const char *text)
{
    if (!starts_with(p->at, text))
        return false;
    p->at += strlen(text);
    return true;
}

/* The end of an action, which may trim the white space behind it: ` -}}`. */
static bool take_close(struct parser *p)
{
    skip_spaces(p);
    if (take(p, "}}"))
        return true;
    if (!take(p, "-}}"))
        return false;
    skip_spaces(p);
    return true;
}

static int keep_literal(struct parser *p, struct term *term, json_t *value)
{
    if (!value)
        return bad_template(p, "a constant that is not understood");
    json_array_append_new(p->literals, value);
    term->kind = TERM_LITERAL;
    term->literal = value;
    return 0;
}

static char unescaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    }
    return c;
}

static int parse_string(struct parser *p, struct term *term)
{
    char quote = *p->at++;
    char *text = arena_alloc(p->arena, strlen(p->at) + 1);
    char *end = text;
    for (; *p->at && *p->at != quote; p->at++) {
        if (*p->at == '\\' && quote == '"' && p->at[1])
            *end++ = unescaped(*++p->at);
        else
            *end++ = *p->at;
    }
    if (!*p->at)
        return bad_template(p, "unterminated quoted string");
    p->at++;
    return keep_literal(p, term, json_stringn(text, (size_t)(end - text)));
}

static int parse_number(struct parser *p, struct term *term)
{
    int64_t whole;
    size_t length = 1 + strspn(p->at + 1, "0123456789.eExXabcdefABCDEF");
    const char *text = arena_strndup(p->arena, p->at, length);
    p->at += length;
    if (parse_i64(text, 0, &whole))
        return keep_literal(p, term, json_integer(whole));
    char *end;
    double real = strtod(text, &end);
    return keep_literal(p, term, *end ? NULL : json_real(real));
}

static const struct pipeline *parse_pipeline(struct parser *p);

static int parse_parentheses(struct parser *p, struct term *term)
{
    p->at++;
    if (++p->depth > DEEPEST)
        return bad_template(p, "too deep");
    term->kind = TERM_PIPELINE;
    term->pipeline = parse_pipeline(p);
    if (!term->pipeline)
        return -1;
    p->depth--;
    skip_spaces(p);
    return take(p, ")") ? 0 : bad_template(p, "unclosed left paren");
}

static int parse_word(struct parser *p, struct term *term)
{
    const char *name = take_name(p);
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
        return keep_literal(p, term, json_boolean(*name == 't'));
    if (strcmp(name, "nil") == 0)
        return keep_literal(p, term, json_null());
    term->kind = TERM_FUNCTION;
    term->name = name;
    return 0;
}

static int parse_start_of_term(struct parser *p, struct term *term)
{
    if (*p->at == '.') {
        term->kind = TERM_DOT;
        p->at += !is_name_start(p->at[1]);
        return 0;
    }
    if (*p->at == '$') {
        p->at++;
        term->kind = TERM_VARIABLE;
        term->name = take_name(p);
        return 0;
    }
    if (*p->at == '"' || *p->at == '`')
        return parse_string(p, term);
    if (*p->at == '(')
        return parse_parentheses(p, term);
    if (isdigit((unsigned char)*p->at) || (*p->at == '-' && isdigit((unsigned char)p->at[1])))
        return parse_number(p, term);
    if (is_name_start(*p->at))
        return parse_word(p, term);
    if (!*p->at)
        return bad_template(p, "unclosed action");
    return fail(p->e, EINVAL, "template parsing error: template: unexpected \"%c\" in operand",
                *p->at);
}

static int parse_term(struct parser *p, struct call *call)
{
    struct term *term = vec_push(p->arena, call);
    if (parse_start_of_term(p, term) < 0)
        return -1;
    while (*p->at == '.' && is_name_start(p->at[1])) {
        p->at++;
        vec_add(p->arena, &term->fields, take_name(p));
    }
    return 0;
}

static bool at_end_of_call(const struct parser *p)
{
    return !*p->at || *p->at == '|' || *p->at == ')' || starts_with(p->at, "}}") ||
           starts_with(p->at, "-}}");
}

/* `$a :=`, `$a =`, `$i, $v :=`. Takes nothing where none of these stands. */
static void parse_variables(struct parser *p, struct pipeline *pipeline)
{
    const char *start = p->at;
    struct names names = {0};
    do {
        skip_spaces(p);
        if (!take(p, "$"))
            break;
        vec_add(p->arena, &names, take_name(p));
        skip_spaces(p);
    } while (take(p, ","));
    pipeline->declares = take(p, ":=");
    if (names.count > 0 && (pipeline->declares || take(p, "=")))
        pipeline->variables = names;
    else
        p->at = start;
}

static const struct pipeline *parse_pipeline(struct parser *p)
{
    struct pipeline *pipeline = arena_alloc(p->arena, sizeof(*pipeline));
    parse_variables(p, pipeline);
    do {
        struct call *call = vec_push(p->arena, &pipeline->calls);
        skip_spaces(p);
        if (at_end_of_call(p)) {
            bad_template(p, *p->at ? "missing value for command" : "unclosed action");
            return NULL;
        }
        while (!at_end_of_call(p)) {
            if (parse_term(p, call) < 0)
                return NULL;
            skip_spaces(p);
        }
    } while (take(p, "|"));
    return pipeline;
}

enum stop { STOP_ERROR = -1, STOP_AT_END_OF_TEXT, STOP_AT_END, STOP_AT_ELSE, STOP_AT_ELSE_IF };

static enum stop parse_nodes(struct parser *p, struct node **nodes);

static int parse_otherwise(struct parser *p, struct node *node, enum stop stop);

/* {{if}}, {{range}} and {{with}} with all that belongs to them. */
static int parse_block(struct parser *p, struct node *node)
{
    node->pipeline = parse_pipeline(p);
    if (!node->pipeline)
        return -1;
    if (!take_close(p))
        return bad_template(p, "unclosed action");
    if (++p->depth > DEEPEST)
        return bad_template(p, "too deep");
    bool was_in_range = p->in_range;
    p->in_range = was_in_range || node->kind == NODE_RANGE;
    enum stop stop = parse_nodes(p, &node->body);
    p->in_range = was_in_range;
    p->depth--;
    return parse_otherwise(p, node, stop);
}

static int parse_otherwise(struct parser *p, struct node *node, enum stop stop)
{
    if (stop == STOP_AT_ELSE_IF) {
        node->otherwise = arena_alloc(p->arena, sizeof(*node->otherwise));
        node->otherwise->kind = NODE_IF;
        return parse_block(p, node->otherwise);
    }
    if (stop == STOP_AT_ELSE)
        stop = parse_nodes(p, &node->otherwise);
    if (stop == STOP_AT_END_OF_TEXT)
        return bad_template(p, "unexpected EOF");
    return stop == STOP_ERROR ? -1 : 0;
}

static int parse_jump(struct parser *p, struct node *node, enum node_kind kind)
{
    node->kind = kind;
    if (!p->in_range)
        return bad_template(p, "{{break}} or {{continue}} outside {{range}}");
    return take_close(p) ? 0 : bad_template(p, "unclosed action");
}

static int parse_action(struct parser *p, struct node *node)
{
    if (take_word(p, "if") || take_word(p, "range") || take_word(p, "with")) {
        node->kind = p->at[-1] == 'f' ? NODE_IF : p->at[-1] == 'e' ? NODE_RANGE : NODE_WITH;
        return parse_block(p, node);
    }
    if (take_word(p, "break"))
        return parse_jump(p, node, NODE_BREAK);
    if (take_word(p, "continue"))
        return parse_jump(p, node, NODE_CONTINUE);
    node->kind = NODE_PRINT;
    node->pipeline = parse_pipeline(p);
    if (!node->pipeline)
        return -1;
    return take_close(p)
               ? 0
               : bad_template(p, *p->at ? "unexpected text in action" : "unclosed action");
}

/* The text up to the next action, without white space that the action trims: `{{- `. */
static const char *take_text(struct parser *p)
{
    const char *open = strstr(p->at, "{{");
    size_t length = open ? (size_t)(open - p->at) : strlen(p->at);
    bool trims = open && open[2] == '-' && isspace((unsigned char)open[3]);
    const char *start = p->at;
    p->at += length;
    while (trims && length > 0 && isspace((unsigned char)start[length - 1]))
        length--;
    if (open)
        p->at += trims ? 3 : 2;
    return arena_strndup(p->arena, start, length);
}

static enum stop parse_stop(struct parser *p, bool is_end)
{
    skip_spaces(p);
    bool is_else_if = !is_end && take_word(p, "if");
    if (is_else_if)
        return STOP_AT_ELSE_IF;
    if (!take_close(p))
        return bad_template(p, "unclosed action");
    return is_end ? STOP_AT_END : STOP_AT_ELSE;
}

static bool skip_comment(struct parser *p)
{
    const char *end = take(p, "/*") ? strstr(p->at, "*/") : NULL;
    if (!end)
        return false;
    p->at = end + 2;
    return take_close(p);
}

static enum stop parse_nodes(struct parser *p, struct node **nodes)
{
    while (*p->at) {
        bool text_only = !strstr(p->at, "{{");
        *nodes = arena_alloc(p->arena, sizeof(**nodes));
        (*nodes)->text = take_text(p);
        nodes = &(*nodes)->next;
        if (text_only)
            break;
        skip_spaces(p);
        if (skip_comment(p))
            continue;
        if (take_word(p, "end"))
            return parse_stop(p, true);
        if (take_word(p, "else"))
            return parse_stop(p, false);
        *nodes = arena_alloc(p->arena, sizeof(**nodes));
        if (parse_action(p, *nodes) < 0)
            return STOP_ERROR;
        nodes = &(*nodes)->next;
    }
    return STOP_AT_END_OF_TEXT;
}

int template_parse(struct template *parsed, const char *text, struct arena *arena, struct error *e)
{
    struct parser p = {.at = text, .arena = arena, .literals = json_array(), .e = e};
    *parsed = (struct template){.literals = p.literals};
    enum stop stop = parse_nodes(&p, &parsed->nodes);
    if (stop == STOP_AT_END)
        return bad_template(&p, "unexpected {{end}}");
    if (stop == STOP_AT_ELSE || stop == STOP_AT_ELSE_IF)
        return bad_template(&p, "unexpected {{else}}");
    return stop == STOP_ERROR ? -1 : 0;
}

void template_free(struct template *parsed)
{
    json_decref(parsed->literals);
    parsed->literals = NULL;
}
