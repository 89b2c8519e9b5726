#include "base/text.h"
#include "unit.h"

static const char *numbers_are_parsed_whole(void)
{
    uint64_t u = 7;
    int64_t i = 7;
    int n = 7;
    CHECK(parse_u64("18446744073709551615", 10, &u) && u == UINT64_MAX);
    CHECK(parse_u64("ff", 16, &u) && u == 255);
    CHECK(parse_i64("-9", 10, &i) && i == -9);
    CHECK(parse_int("2147483647", &n) && n == 2147483647);
    return NULL;
}

static const char *what_is_no_number_is_refused(void)
{
    uint64_t u = 7;
    int n = 7;
    CHECK(!parse_u64("", 10, &u) && !parse_u64("-1", 10, &u) && !parse_u64("1x", 10, &u));
    CHECK(!parse_u64("18446744073709551616", 10, &u) && !parse_u64(" 1", 10, &u));
    CHECK(!parse_int("2147483648", &n) && !parse_int("+", &n));
    return NULL;
}

static const char *paths_with_dots_are_not_plain(void)
{
    CHECK(path_is_plain("/a/b") && path_is_plain("a/b.c") && path_is_plain("..a/b.."));
    CHECK(!path_is_plain("/a/../b") && !path_is_plain("./a") && !path_is_plain("a//b"));
    CHECK(!path_is_plain("a/.."));
    return NULL;
}

static const char *hexadecimal_is_lower_case(void)
{
    char text[7];
    write_hex(text, "\x00\xab\xff", 3);
    CHECK_TEXT(text, "00abff");
    return NULL;
}

int main(void)
{
    TEST(numbers_are_parsed_whole);
    TEST(what_is_no_number_is_refused);
    TEST(paths_with_dots_are_not_plain);
    TEST(hexadecimal_is_lower_case);
    return 0;
}
