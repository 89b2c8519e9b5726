/* A unit test is a program: each test is a function, each demand a CHECK. */
#ifndef STASIS_TESTS_UNIT_H
#define STASIS_TESTS_UNIT_H

#include <stdio.h>
#include <string.h>

/* Runs `function` as a test of that name; it returns NULL or the demand that was not met. */
#define TEST(function)                                                                             \
    do {                                                                                           \
        const char *why_ = function();                                                             \
        if (why_)                                                                                  \
            printf("not ok " #function ": %s\n", why_);                                            \
        else                                                                                       \
            puts("ok " #function);                                                                 \
    } while (0)

#define UNIT_STRING_(x) #x
#define UNIT_STRING(x) UNIT_STRING_(x)
#define CHECK(demand)                                                                              \
    do {                                                                                           \
        if (!(demand))                                                                             \
            return __FILE__ ":" UNIT_STRING(__LINE__) ": " #demand;                                \
    } while (0)
#define CHECK_TEXT(text, wanted) CHECK(strcmp((text), (wanted)) == 0)

#endif
