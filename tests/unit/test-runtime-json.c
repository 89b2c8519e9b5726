/* Cutting a member out of a JSON text. */
#include "runtime/json_cut.h"
#include "unit.h"

static const char *a_member_is_cut(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char text[] = " { \"a\" : [1, {\"b\": \"}\\\"\"}], \"linux\":{\"x\":\"seccomp\", \"seccomp\" : "
                  "{\"n\": [\"]\", \"\\\\\"]} , \"y\": -1.5e3}, \"z\":true}";
    const char *cut = json_cut(text, "linux", "seccomp", arena);
    CHECK(cut);
    CHECK_TEXT(cut, "{\"n\": [\"]\", \"\\\\\"]}");
    CHECK(strstr(text, "\"seccomp\" : null "));
    CHECK(!json_cut(text, "linux", "z", arena));
    CHECK(!json_cut(text, "a", "b", arena));
    CHECK_TEXT(json_cut(text, "linux", "y", arena), "-1.5e3");
    CHECK(strstr(text, "\"y\": null  }, \"z\":true}"));
    return NULL;
}

static const char *what_is_no_json_stays(void)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"linux\"",
        "{\"linux\":",
        "{\"linux\":{",
        "{\"linux\":{\"seccomp\"",
        "{\"linux\" {\"seccomp\":{\"a\":1}}}",
        "{\"linux\":\"{\\\"seccomp\\\":12345}\"}",
        "{\"x\":{\"linux\":{\"seccomp\":{\"a\":1}}}}",
        "{\"lin\\u0075x\":{\"seccomp\":{\"a\":1}}}",
        "{\"linux\":{\"seccomp\":{}}}",
        "{\"linux",
        "{\"a\":\"\\",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        char *text = arena_strdup(arena, texts[i]);
        CHECK(!json_cut(text, "linux", "seccomp", arena));
        CHECK_TEXT(text, texts[i]);
    }
    return NULL;
}

static const char *an_unfinished_value_stays_within_the_text(void)
{
    static const char whole[] = "{\"linux\":{\"seccomp\":{\"names\":[\"read\",\"write\"]}}}";
    for (size_t length = 0; length < sizeof(whole) - 1; length++) {
        AUTO_ARENA struct arena *arena = arena_new();
        char *text = arena_strndup(arena, whole, length);
        (void)json_cut(text, "linux", "seccomp", arena);
        CHECK(strlen(text) == length);
    }
    return NULL;
}

int main(void)
{
    TEST(a_member_is_cut);
    TEST(what_is_no_json_stays);
    TEST(an_unfinished_value_stays_within_the_text);
    return 0;
}
