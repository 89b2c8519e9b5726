#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel/mountinfo.h"
#include "objects/mount.h"
#include "objects/mount_options.h"
#include "unit.h"

static struct error error;

/* Mounts of a text in the form of /proc/PID/mountinfo. */
static int read_text(struct arena *arena, const char *text, mountinfo_list *list)
{
    char directory[] = "/tmp/stasis-unit-XXXXXX";
    if (!mkdtemp(directory))
        return -1;
    int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(top, "mountinfo", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    int result = written < 0 ? -1 : mountinfo_read(top, arena, list, &error);
    unlinkat(top, "mountinfo", 0);
    close(top);
    rmdir(directory);
    return result;
}

static int arrange(struct arena *arena, const char *text, struct mount_table *table)
{
    mountinfo_list list = {0}, none = {0};
    if (read_text(arena, text, &list) < 0)
        return -1;
    table->count = list.count;
    table->mounts = arena_alloc(arena, list.count * sizeof(*table->mounts));
    for (size_t i = 0; i < list.count; i++)
        table->mounts[i] = (struct mount){.info = list.items[i],
                                          .device = list.items[i].major << 20 | list.items[i].minor,
                                          .external = list.items[i].parent > 1 ? "outside" : NULL};
    return mount_table_arrange(table, &none, arena, &error);
}

static const char *lines_are_understood(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    mountinfo_list list = {0};
    CHECK(read_text(arena,
                    "36 35 98:5 /a\\040b /mnt/x\\011y rw,noatime shared:7 master:2 future:1 - "
                    "ext3 /dev/r\\134t rw,errors=continue\n"
                    "37 36 0:9 / /q ro - tmpfs  rw\n",
                    &list) == 0);
    CHECK(list.count == 2);
    const struct mountinfo *first = &list.items[0], *second = &list.items[1];
    CHECK(first->id == 36 && first->parent == 35 && first->major == 98 && first->minor == 5);
    CHECK_TEXT(first->root, "/a b");
    CHECK_TEXT(first->point, "/mnt/x\ty");
    CHECK(first->shared == 7 && first->master == 2 && !first->unbindable);
    CHECK_TEXT(first->source, "/dev/r\\t");
    CHECK_TEXT(first->super_options, "rw,errors=continue");
    CHECK_TEXT(second->source, "");
    CHECK_TEXT(second->super_options, "rw");
    return NULL;
}

static const char *damaged_lines_are_refused(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    static const char *const texts[] = {"x\n", "36 35 98 / / rw - a b c\n", "36 35 0:1 / / rw\n"};
    for (int i = 0; i < 3; i++) {
        mountinfo_list list = {0};
        CHECK(read_text(arena, texts[i], &list) < 0);
    }
    return NULL;
}

static const char *parents_come_first(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct mount_table table = {0};
    CHECK(arrange(arena,
                  "12 11 0:3 / /a/b rw - x x rw\n11 10 0:2 / /a rw - x x rw\n"
                  "10 1 0:1 / / rw - x x rw\n13 10 0:4 / /c rw - x x rw\n",
                  &table) == 0);
    CHECK(table.mounts[0].info.id == 10 && table.mounts[1].info.id == 11);
    CHECK(table.mounts[2].info.id == 13 && table.mounts[3].info.id == 12);
    CHECK(table.mounts[3].parent == &table.mounts[1] && !table.mounts[0].parent);
    return NULL;
}

static const char *what_is_no_tree_is_refused(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct mount_table table = {0};
    CHECK(arrange(arena,
                  "10 1 0:1 / / rw - x x rw\n11 12 0:2 / /a rw - x x rw\n"
                  "12 11 0:3 / /b rw - x x rw\n",
                  &table) < 0);
    CHECK(arrange(arena, "10 1 0:1 / / rw - x x rw\n11 2 0:2 / /a rw - x x rw\n", &table) < 0);
    CHECK(arrange(arena, "10 1 0:1 / /a rw - x x rw\n", &table) < 0);
    return NULL;
}

static const char *paths_end_in_the_topmost_mount(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct mount_table table = {0};
    CHECK(arrange(arena,
                  "10 1 0:1 / / rw - x x rw\n11 10 0:2 / /a/b rw - x x rw\n"
                  "12 10 0:3 / /a rw - x x rw\n13 12 0:4 / /a rw - x x rw\n"
                  "14 10 0:5 / /ab rw - x x rw\n",
                  &table) == 0);
    CHECK(mount_of_path(&table, "/x")->info.id == 10);
    CHECK(mount_of_path(&table, "/a/b/c")->info.id == 13);
    CHECK(mount_of_path(&table, "/a")->info.id == 13);
    CHECK(mount_of_path(&table, "/ab/c")->info.id == 14);
    CHECK(mount_of_path(&table, "/abc")->info.id == 10);
    return NULL;
}

static const char *binds_find_their_origin(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct mount_table table = {0};
    CHECK(arrange(arena,
                  "10 1 0:1 / / rw - x x rw\n11 10 0:2 /d /a rw - x x rw\n"
                  "12 10 0:2 / /b rw - x x rw\n13 10 0:1 /e /c rw - x x rw\n",
                  &table) == 0);
    CHECK(table.mounts[1].origin == &table.mounts[2] && !table.mounts[2].origin);
    CHECK(table.mounts[3].origin == &table.mounts[0]);
    /* Of a volume and a part of it, each has its own name outside. */
    CHECK(table.mounts[1].source == MOUNT_EXTERNAL && table.mounts[2].source == MOUNT_EXTERNAL);
    return NULL;
}

static const char *options_are_split(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    uint32_t flags;
    CHECK(mount_flags_of("rw,nosuid,nodev,relatime") == (MS_NOSUID | MS_NODEV | MS_RELATIME));
    CHECK_TEXT(super_options_split(arena, "ro,size=1k,mode=755", &flags), "size=1k,mode=755");
    CHECK(flags == MS_RDONLY);
    CHECK_TEXT(super_options_split(arena, "rw", &flags), "");
    CHECK(flags == 0);
    CHECK(mount_attributes_of(MS_RDONLY) == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_STRICTATIME));
    CHECK(mount_attributes_of(MS_RELATIME | MS_NOEXEC) == MOUNT_ATTR_NOEXEC);
    return NULL;
}

int main(void)
{
    TEST(lines_are_understood);
    TEST(damaged_lines_are_refused);
    TEST(parents_come_first);
    TEST(what_is_no_tree_is_refused);
    TEST(paths_end_in_the_topmost_mount);
    TEST(binds_find_their_origin);
    TEST(options_are_split);
    return 0;
}
