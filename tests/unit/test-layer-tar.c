/* Changes of a container, written as a layer tar and read back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/layer_tar.h"
#include "unit.h"

struct trees {
    int upper, copy;
};

static struct trees make_trees(void)
{
    struct error e = {0};
    remove_tree_at(AT_FDCWD, "upper", &e);
    remove_tree_at(AT_FDCWD, "copy", &e);
    remove_tree_at(AT_FDCWD, "tar", &e);
    mkdir("upper", 0755);
    mkdir("copy", 0700);
    return (struct trees){open("upper", O_RDONLY | O_DIRECTORY),
                          open("copy", O_RDONLY | O_DIRECTORY)};
}

/* Through the tar from one tree to the other; the trees are closed. */
static int carry(struct trees trees, enum whiteouts whiteouts, struct error *e)
{
    int result = layer_tar_write_upper(trees.upper, AT_FDCWD, "tar", e);
    int tar = open("tar", O_RDONLY);
    if (result == 0)
        result = layer_tar_extract(tar, trees.copy, whiteouts, e);
    close(tar);
    close(trees.upper);
    close(trees.copy);
    return result;
}

static void write_file(const char *path, const char *text)
{
    struct error e = {0};
    replace_file_at(AT_FDCWD, path, text, strlen(text), 0640, &e);
}

static struct stat look(const char *path)
{
    struct stat st = {0};
    lstat(path, &st);
    return st;
}

static const char *files_keep_what_they_are(void)
{
    struct error e = {0};
    struct timespec times[2] = {{1, 0}, {1234567890, 123456789}};
    char value[70000] = {0};
    struct trees trees = make_trees();
    write_file("upper/file", "content");
    CHECK(link("upper/file", "upper/other") == 0 && symlink("../x", "upper/link") == 0);
    CHECK(setxattr("upper/file", "user.long", value, 1500, 0) == 0);
    CHECK(chown("upper/file", 12, 34) == 0 && chmod("upper/file", 06751) == 0);
    CHECK(utimensat(AT_FDCWD, "upper/file", times, 0) == 0);
    CHECK(mkfifo("upper/pipe", 0622) == 0 &&
          mknod("upper/full", S_IFCHR | 0600, makedev(1, 7)) == 0);
    CHECK(mkdir("upper/dir", 01777) == 0 && chmod("upper/dir", 01777) == 0);
    CHECK(utimensat(AT_FDCWD, "upper/dir", times, 0) == 0);
    CHECK(carry(trees, WHITEOUTS_AS_OVERLAY, &e) == 0);
    struct stat file = look("copy/file"), other = look("copy/other"), dir = look("copy/dir");
    CHECK(file.st_mode == (S_IFREG | 06751) && file.st_uid == 12 && file.st_gid == 34);
    CHECK(file.st_size == 7 && file.st_ino == other.st_ino && file.st_nlink == 2);
    CHECK(file.st_mtim.tv_sec == 1234567890 && file.st_mtim.tv_nsec == 123456789);
    CHECK(getxattr("copy/file", "user.long", value, sizeof(value)) == 1500);
    CHECK(dir.st_mode == (S_IFDIR | 01777) && dir.st_mtim.tv_nsec == 123456789);
    CHECK(S_ISFIFO(look("copy/pipe").st_mode) && look("copy/full").st_rdev == makedev(1, 7));
    CHECK(S_ISLNK(look("copy/link").st_mode) && look("copy").st_mode == (S_IFDIR | 0755));
    return NULL;
}

static const char *marks_of_the_overlay_are_kept(void)
{
    struct error e = {0};
    char mark = 0;
    struct trees trees = make_trees();
    CHECK(mkdir("upper/opaque", 0755) == 0 && mkdir("upper/merged", 0755) == 0);
    CHECK(setxattr("upper/opaque", "trusted.overlay.opaque", "y", 1, 0) == 0);
    CHECK(mknod("upper/merged/gone", S_IFCHR, makedev(0, 0)) == 0);
    write_file("upper/opaque/new", "1");
    CHECK(carry(trees, WHITEOUTS_AS_OVERLAY, &e) == 0);
    struct stat gone = look("copy/merged/gone");
    CHECK(S_ISCHR(gone.st_mode) && gone.st_rdev == 0);
    CHECK(getxattr("copy/opaque", "trusted.overlay.opaque", &mark, 1) == 1 && mark == 'y');
    CHECK(getxattr("copy/merged", "trusted.overlay.opaque", &mark, 1) < 0);
    return NULL;
}

static const char *marks_remove_what_they_name(void)
{
    struct error e = {0};
    struct trees trees = make_trees();
    CHECK(mkdir("upper/opaque", 0755) == 0 && mkdir("copy/opaque", 0755) == 0);
    CHECK(setxattr("upper/opaque", "trusted.overlay.opaque", "y", 1, 0) == 0);
    CHECK(mknod("upper/gone", S_IFCHR, makedev(0, 0)) == 0);
    write_file("upper/opaque/new", "1");
    write_file("copy/opaque/old", "1");
    write_file("copy/gone", "1");
    CHECK(carry(trees, WHITEOUTS_REMOVE, &e) == 0);
    CHECK(access("copy/gone", F_OK) < 0 && access("copy/opaque/old", F_OK) < 0);
    CHECK(access("copy/opaque/new", F_OK) == 0);
    return NULL;
}

static const char *holes_stay_holes(void)
{
    struct error e = {0};
    const off_t size = 1LL << 36;
    char byte = 0;
    struct trees trees = make_trees();
    write_file("upper/data", "begin");
    write_file("upper/hole", "");
    int data = open("upper/data", O_RDWR);
    CHECK(pwrite(data, "x", 1, size / 2) == 1 && ftruncate(data, size) == 0);
    CHECK(truncate("upper/hole", size) == 0);
    close(data);
    CHECK(carry(trees, WHITEOUTS_AS_OVERLAY, &e) == 0);
    CHECK(look("copy/data").st_size == size && look("copy/hole").st_size == size);
    CHECK(look("copy/data").st_blocks < 100 && look("tar").st_size < 20000);
    data = open("copy/data", O_RDONLY);
    CHECK(pread(data, &byte, 1, size / 2) == 1 && byte == 'x');
    CHECK(pread(data, &byte, 1, 4) == 1 && byte == 'n');
    close(data);
    return NULL;
}

static const char *deep_trees_need_no_depth(void)
{
    struct error e = {0};
    struct trees trees = make_trees();
    int here = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(fchdir(trees.upper) == 0);
    for (int i = 0; i < 1900; i++)
        CHECK(mkdir("d", 0755) == 0 && chdir("d") == 0);
    write_file("bottom", "1");
    CHECK(fchdir(here) == 0);
    close(here);
    CHECK(carry(trees, WHITEOUTS_AS_OVERLAY, &e) == 0);
    return NULL;
}

static const char *no_changes_make_no_file(void)
{
    struct error e = {0};
    struct trees trees = make_trees();
    CHECK(layer_tar_write_upper(trees.upper, AT_FDCWD, "tar", &e) == 0);
    CHECK(access("tar", F_OK) < 0);
    close(trees.upper);
    close(trees.copy);
    return NULL;
}

static const char *a_misleading_name_is_refused(void)
{
    struct error e = {0};
    struct trees trees = make_trees();
    write_file("upper/.wh.name", "1");
    CHECK(carry(trees, WHITEOUTS_AS_OVERLAY, &e) < 0 && strstr(e.text, ".wh.name"));
    return NULL;
}

int main(void)
{
    struct error e = {0};
    TEST(files_keep_what_they_are);
    TEST(marks_of_the_overlay_are_kept);
    TEST(marks_remove_what_they_name);
    TEST(holes_stay_holes);
    TEST(deep_trees_need_no_depth);
    TEST(no_changes_make_no_file);
    TEST(a_misleading_name_is_refused);
    remove_tree_at(AT_FDCWD, "upper", &e);
    remove_tree_at(AT_FDCWD, "copy", &e);
    return 0;
}
