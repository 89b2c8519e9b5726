#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "unit.h"

static const char *a_file_is_replaced_whole(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    size_t size = 0;
    CHECK(replace_file_at(AT_FDCWD, "a", "first", 5, 0600, &e) == 0);
    CHECK(replace_file_at(AT_FDCWD, "a", "then", 4, 0600, &e) == 0);
    CHECK_TEXT(read_file_at(AT_FDCWD, "a", arena, &size, &e), "then");
    CHECK(size == 4);
    return NULL;
}

static const char *a_file_of_proc_is_read_whole(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    size_t size = 0;
    const char *text = read_file_at(AT_FDCWD, "/proc/self/smaps", arena, &size, &e);
    CHECK(text && size > 4096 && strlen(text) == size);
    return NULL;
}

static const char *what_is_missing_is_named(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error e = {0};
    CHECK(!read_file_at(AT_FDCWD, "not/there", arena, NULL, &e));
    CHECK(e.code == ENOENT && strstr(e.text, "not/there") && strstr(e.text, "No such file"));
    return NULL;
}

static const char *a_tree_is_removed_without_following_links(void)
{
    struct error e = {0};
    CHECK(make_directories_at(AT_FDCWD, "tree/deep/er", 0700, &e) == 0);
    CHECK(make_directories_at(AT_FDCWD, "kept", 0700, &e) == 0);
    CHECK(symlinkat("../kept", AT_FDCWD, "tree/link") == 0);
    CHECK(replace_file_at(AT_FDCWD, "tree/deep/er/file", "x", 1, 0600, &e) == 0);
    CHECK(remove_tree_at(AT_FDCWD, "tree", &e) == 0);
    CHECK(access("tree", F_OK) < 0 && access("kept", F_OK) == 0);
    CHECK(remove_tree_at(AT_FDCWD, "tree", &e) == 0);
    return NULL;
}

/* Deeper than a path may be long, and than there are descriptors. */
static const char *a_deep_tree_is_removed(void)
{
    struct error e = {0};
    int here = open(".", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        CHECK(mkdir("removed-0", 0700) == 0 && chdir("removed-0") == 0);
        CHECK(i % 500 || replace_file_at(AT_FDCWD, "file", "x", 1, 0600, &e) == 0);
    }
    CHECK(fchdir(here) == 0);
    CHECK(remove_tree_at(AT_FDCWD, "removed-0", &e) == 0);
    CHECK(access("removed-0", F_OK) < 0);
    close(here);
    return NULL;
}

int main(void)
{
    TEST(a_file_is_replaced_whole);
    TEST(a_file_of_proc_is_read_whole);
    TEST(what_is_missing_is_named);
    TEST(a_tree_is_removed_without_following_links);
    TEST(a_deep_tree_is_removed);
    return 0;
}
