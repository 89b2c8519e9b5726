/* Options of a command line: one table says how an option is spelled, what it takes, where its
 * value goes and how the help shows it. */
#ifndef STASIS_CLI_OPTIONS_H
#define STASIS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* error.code of a command line that was not understood (no errno value is negative). */
#define USAGE_ERROR (-1)

struct text_list {
    const char **items;
    size_t count, capacity;
};

struct number {
    bool given;
    int64_t value;
};

/* The arguments that are not options, in order. */
struct words {
    char **items;
    size_t count;
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_LIST };

struct option {
    const char *name;  /* without its dashes; a table ends where it is NULL */
    const char *value; /* what the help calls the value; NULL for a flag */
    const char *help;  /* NULL: understood but not shown */
    size_t offset;     /* of the field in the command's structure of values */
    enum option_kind kind;
    char letter; /* 0: there is none */
    bool manual_only;
};

/* The field's type decides the kind. */
// clang-format off
#define OPTION_KIND_(field)                                                                        \
    _Generic((field),                                                                              \
        bool: OPTION_FLAG,                                                                         \
        const char *: OPTION_TEXT,                                                                 \
        struct number: OPTION_NUMBER,                                                              \
        struct text_list: OPTION_LIST)
#define OPTION_(type, field, letter, name, value, help, manual_only)                               \
    {name, value, help, offsetof(type, field), OPTION_KIND_(((type *)0)->field), letter, manual_only}
#define OPTION(type, field, letter, name, value, help)                                             \
    OPTION_(type, field, letter, name, value, help, false)
/* One that Docker does not have: the manual tells it, the help, which is Docker's, does not. */
#define MANUAL_OPTION(type, field, letter, name, value, help)                                      \
    OPTION_(type, field, letter, name, value, help, true)
#define OPTIONS_END {0}
// clang-format on

enum parse_outcome { PARSE_FAILED = -1, PARSE_DONE, PARSE_HELP };

/* Takes the options out of `words` into `values` as `table` (NULL: none) says. With `options_first`
 * everything from the first argument on is left alone; else options may stand anywhere before `--`.
 * PARSE_HELP at --help; PARSE_FAILED with *e, whose code is USAGE_ERROR. */
enum parse_outcome parse_options(const struct option *table, bool options_first, void *values,
                                 struct words *words, struct arena *arena, struct error *e);

/* Fills *e with a text about a wrong command line. Returns -1. */
int fail_usage(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
