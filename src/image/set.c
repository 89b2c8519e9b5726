/* Image files that are being written, and their publication. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "image/image.h"
#include "image/kinds.h"

struct image_set {
    struct arena *arena;
    int target;  /* the caller's directory */
    int partial; /* the hidden directory; -1 once committed or abandoned */
    const char *partial_name;
};

struct image {
    struct image_set *set;
    const char *name;
    VEC(unsigned char) bytes;
};

struct image_set *image_set_new(struct arena *arena, int dir_fd, struct error *e)
{
    struct image_set *set = arena_alloc(arena, sizeof(*set));
    set->arena = arena;
    set->target = dir_fd;
    set->partial_name = arena_printf(arena, ".stasis-partial-%d", (int)gettid());
    if (remove_tree_at(dir_fd, set->partial_name, e) < 0 ||
        (mkdirat(dir_fd, set->partial_name, 0700) < 0 &&
         fail_errno(e, "cannot write in the image directory") < 0))
        return NULL;
    set->partial = openat(dir_fd, set->partial_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (set->partial < 0) {
        fail_errno(e, "cannot open %s in the image directory", set->partial_name);
        unlinkat(dir_fd, set->partial_name, AT_REMOVEDIR);
        return NULL;
    }
    return set;
}

int image_set_dir(const struct image_set *set)
{
    return set->partial;
}

static int publish(struct image_set *set, const char *name, struct error *e)
{
    if (renameat(set->partial, name, set->target, name) < 0)
        return fail_errno(e, "cannot publish %s", name);
    return 0;
}

int image_set_commit(struct image_set *set, struct error *e)
{
    static const char inventory[] = "inventory.img";
    int again = dup(set->partial);
    AUTO_CLOSEDIR DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (!dir)
        return fail_errno(e, "cannot list the new images");
    if (unlinkat(set->target, inventory, 0) < 0 && errno != ENOENT)
        return fail_errno(e, "cannot replace %s", inventory);
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !strcmp(entry->d_name, inventory))
            continue;
        if (publish(set, entry->d_name, e) < 0)
            return -1;
    }
    if (faccessat(set->partial, inventory, F_OK, 0) == 0 && publish(set, inventory, e) < 0)
        return -1;
    unlinkat(set->target, set->partial_name, AT_REMOVEDIR);
    close(set->partial);
    set->partial = -1;
    return 0;
}

void image_set_abandon(struct image_set *set)
{
    if (!set || set->partial < 0)
        return;
    struct error ignored = {0};
    remove_tree_at(set->target, set->partial_name, &ignored);
    close(set->partial);
    set->partial = -1;
}

static void put_word(struct image *image, uint32_t word)
{
    image_add_raw(image, &word, sizeof(word));
}

struct image *image_create(struct image_set *set, enum image_kind kind, uint32_t id)
{
    const struct image_format *format = image_format_of(kind);
    struct image *image = arena_alloc(set->arena, sizeof(*image));
    image->set = set;
    image->name = image_name(set->arena, kind, id);
    put_word(image, format->common);
    put_word(image, format->magic);
    return image;
}

static unsigned char *reserve(struct image *image, size_t size)
{
    size_t wanted = image->bytes.count + size;
    if (wanted > image->bytes.capacity) {
        size_t capacity = image->bytes.capacity ? image->bytes.capacity : 256;
        while (capacity < wanted)
            capacity *= 2;
        unsigned char *larger = arena_alloc(image->set->arena, capacity);
        if (image->bytes.count)
            memcpy(larger, image->bytes.items, image->bytes.count);
        image->bytes.items = larger;
        image->bytes.capacity = capacity;
    }
    unsigned char *at = image->bytes.items + image->bytes.count;
    image->bytes.count = wanted;
    return at;
}

void image_add_raw(struct image *image, const void *data, size_t size)
{
    if (size)
        memcpy(reserve(image, size), data, size);
}

void image_add(struct image *image, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    put_word(image, (uint32_t)size);
    protobuf_c_message_pack(message, reserve(image, size));
}

int image_close(struct image *image, struct error *e)
{
    AUTO_CLOSE int fd =
        openat(image->set->partial, image->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write_all(fd, image->bytes.items, image->bytes.count) < 0)
        return fail_errno(e, "cannot write %s", image->name);
    return 0;
}

int image_write_one(struct image_set *set, enum image_kind kind, uint32_t id,
                    const ProtobufCMessage *message, struct error *e)
{
    struct image *image = image_create(set, kind, id);
    image_add(image, message);
    return image_close(image, e);
}
