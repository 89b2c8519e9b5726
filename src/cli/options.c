#include "cli/options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* One walk over the words of a command line. */
struct parse {
    const struct option *table;
    void *values;
    struct words words;
    size_t next; /* the word to look at next */
    struct arena *arena;
    struct error *e;
};

int fail_usage(struct error *e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->text, sizeof(e->text), format, arguments);
    va_end(arguments);
    e->code = USAGE_ERROR;
    return -1;
}

static bool parse_truth(const char *text, bool *truth)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        *truth = strcmp(text, yes[i]) == 0;
        if (*truth || strcmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

static const char *spelling(const struct parse *p, const struct option *option)
{
    if (option->letter)
        return arena_printf(p->arena, "-%c, --%s", option->letter, option->name);
    return arena_printf(p->arena, "--%s", option->name);
}

static int bad_value(const struct parse *p, const struct option *option, const char *text,
                     const char *why)
{
    return fail_usage(p->e, "invalid argument \"%s\" for \"%s\" flag: %s", text,
                      spelling(p, option), why);
}

static int store(const struct parse *p, const struct option *option, const char *text)
{
    void *field = (char *)p->values + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        if (!parse_truth(text, field))
            return bad_value(p, option, text, "not true or false");
        return 0;
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_NUMBER:
        if (!parse_i64(text, 10, &((struct number *)field)->value))
            return bad_value(p, option, text, "not a whole number");
        ((struct number *)field)->given = true;
        return 0;
    case OPTION_LIST:
        vec_add(p->arena, (struct text_list *)field, text);
        return 0;
    }
    return -1;
}

static const struct option *find_name(const struct option *table, const char *name, size_t length)
{
    for (; table && table->name; table++) {
        if (strlen(table->name) == length && memcmp(table->name, name, length) == 0)
            return table;
    }
    return NULL;
}

static const struct option *find_letter(const struct option *table, char letter)
{
    for (; table && table->name; table++) {
        if (table->letter == letter)
            return table;
    }
    return NULL;
}

/* The value of an option that is written without `=` is the next word. */
static int store_next_word(struct parse *p, const struct option *option, const char *seen)
{
    if (p->next >= p->words.count && seen[1] == '-')
        return fail_usage(p->e, "flag needs an argument: %s", seen);
    if (p->next >= p->words.count)
        return fail_usage(p->e, "flag needs an argument: '%c' in %s", option->letter, seen);
    return store(p, option, p->words.items[p->next++]);
}

static int parse_long(struct parse *p, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option = find_name(p->table, name, length);
    if (!option)
        return fail_usage(p->e, "unknown flag: --%.*s", (int)length, name);
    if (equals)
        return store(p, option, equals + 1);
    if (option->kind == OPTION_FLAG)
        return store(p, option, "true");
    return store_next_word(p, option, word);
}

/* `-it`, `-w/tmp`, `-w=/tmp`, `-w /tmp`. */
static int parse_letters(struct parse *p, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct option *option = find_letter(p->table, *letter);
        if (!option)
            return fail_usage(p->e, "unknown shorthand flag: '%c' in %s", *letter, word);
        if (letter[1] == '=')
            return store(p, option, letter + 2);
        if (option->kind != OPTION_FLAG)
            return letter[1] ? store(p, option, letter + 1) : store_next_word(p, option, word);
        if (store(p, option, "true") < 0)
            return -1;
    }
    return 0;
}

static bool asks_for_help(const struct parse *p, const char *word)
{
    if (strcmp(word, "--help") == 0)
        return true;
    return strcmp(word, "-h") == 0 && !find_letter(p->table, 'h');
}

enum parse_outcome parse_options(const struct option *table, bool options_first, void *values,
                                 struct words *words, struct arena *arena, struct error *e)
{
    struct parse p = {table, values, *words, 0, arena, e};
    struct words kept = {arena_alloc(arena, (words->count + 1) * sizeof(char *)), 0};
    bool options_over = false;
    while (p.next < p.words.count) {
        char *word = p.words.items[p.next++];
        if (options_over || word[0] != '-' || word[1] == 0) {
            kept.items[kept.count++] = word;
            options_over = options_over || options_first;
        } else if (strcmp(word, "--") == 0) {
            options_over = true;
        } else if (asks_for_help(&p, word)) {
            return PARSE_HELP;
        } else if ((word[1] == '-' ? parse_long(&p, word) : parse_letters(&p, word)) < 0) {
            return PARSE_FAILED;
        }
    }
    *words = kept;
    return PARSE_DONE;
}
