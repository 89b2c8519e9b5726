/* Image files: written, read back, and damaged in every way. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "images.pb-c.h"
#include "unit.h"

static int make_directory(char *path)
{
    strcpy(path, "/tmp/stasis-test-image-XXXXXX");
    return mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
}

static void remove_directory(int dir, const char *path)
{
    static const char *const names[] = {"inventory.img", "utsns-9.img"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlinkat(dir, names[i], 0);
    close(dir);
    rmdir(path);
}

static int write_set(struct arena *arena, int dir, const char *name, bool commit, struct error *e)
{
    struct image_set *set = image_set_new(arena, dir, e);
    UtsnsEntry uts = UTSNS_ENTRY__INIT;
    InventoryEntry inventory = INVENTORY_ENTRY__INIT;
    uts.nodename = (char *)name;
    uts.domainname = "none";
    inventory.img_version = 2;
    if (!set || image_write_one(set, IMAGE_UTSNS, 9, &uts.base, e) < 0 ||
        image_write_one(set, IMAGE_INVENTORY, 0, &inventory.base, e) < 0)
        return -1;
    int result = commit ? image_set_commit(set, e) : 0;
    image_set_abandon(set);
    return result;
}

static const char *what_is_written_is_read(void)
{
    char path[64];
    struct error e = {0};
    AUTO_ARENA struct arena *arena = arena_new();
    int dir = make_directory(path);
    CHECK(dir >= 0 && write_set(arena, dir, "box", true, &e) == 0);
    UtsnsEntry *uts = image_read_one(arena, dir, IMAGE_UTSNS, 9, &utsns_entry__descriptor, &e);
    CHECK(uts);
    CHECK_TEXT(uts->nodename, "box");
    remove_directory(dir, path);
    return NULL;
}

static const char *an_abandoned_set_leaves_the_old_one(void)
{
    char path[64];
    struct error e = {0};
    AUTO_ARENA struct arena *arena = arena_new();
    int dir = make_directory(path);
    CHECK(dir >= 0 && write_set(arena, dir, "new", false, &e) == 0);
    CHECK(faccessat(dir, "utsns-9.img", F_OK, 0) < 0 &&
          faccessat(dir, "inventory.img", F_OK, 0) < 0);
    CHECK(write_set(arena, dir, "old", true, &e) == 0);
    CHECK(write_set(arena, dir, "new", false, &e) == 0);
    UtsnsEntry *uts = image_read_one(arena, dir, IMAGE_UTSNS, 9, &utsns_entry__descriptor, &e);
    CHECK(uts);
    CHECK_TEXT(uts->nodename, "old");
    remove_directory(dir, path);
    CHECK(access(path, F_OK) < 0);
    return NULL;
}

/* Every file that is shorter than the whole, and every one with a byte turned over, is read without
 * harm: refused, or another message. */
static const char *damage_is_survived(void)
{
    char path[64];
    struct error e = {0};
    AUTO_ARENA struct arena *arena = arena_new();
    int dir = make_directory(path);
    CHECK(dir >= 0 && write_set(arena, dir, "box", true, &e) == 0);
    unsigned char bytes[256];
    int fd = openat(dir, "utsns-9.img", O_RDWR);
    ssize_t size = read(fd, bytes, sizeof(bytes));
    CHECK(size > 12);
    for (ssize_t i = 0; i < size; i++) {
        bytes[i] ^= 0xff;
        CHECK(pwrite(fd, bytes, (size_t)size, 0) == size);
        void *message = image_read_one(arena, dir, IMAGE_UTSNS, 9, &utsns_entry__descriptor, &e);
        CHECK(message || e.code == EBADMSG);
        bytes[i] ^= 0xff;
    }
    CHECK(pwrite(fd, bytes, (size_t)size, 0) == size);
    for (ssize_t i = size - 1; i >= 0; i--) {
        CHECK(ftruncate(fd, i) == 0);
        CHECK(!image_read_one(arena, dir, IMAGE_UTSNS, 9, &utsns_entry__descriptor, &e));
        CHECK(e.code == EBADMSG);
    }
    close(fd);
    remove_directory(dir, path);
    return NULL;
}

static const char *a_missing_file_is_told_apart(void)
{
    char path[64];
    struct error e = {0};
    AUTO_ARENA struct arena *arena = arena_new();
    int dir = make_directory(path);
    CHECK(!image_open(arena, dir, IMAGE_CORE, 17, &e) && e.code == ENOENT);
    remove_directory(dir, path);
    return NULL;
}

int main(void)
{
    TEST(what_is_written_is_read);
    TEST(an_abandoned_set_leaves_the_old_one);
    TEST(damage_is_survived);
    TEST(a_missing_file_is_told_apart);
    return 0;
}
