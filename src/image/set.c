/* Image files that are being written, and their publication. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "image/image.h"
#include "image/kinds.h"
#include "image/writer.h"

static const char inventory_name[] = "inventory.img";

struct image_set {
    struct arena *arena;
    int target;  /* the caller's directory */
    int partial; /* where files gather: a hidden directory, or the target; -1 in the end */
    const char *partial_name;  /* NULL: the target held no checkpoint, files gather there */
    VEC(const char *) written; /* names of image files */
    struct image *inventory;   /* kept back until the commit */
    struct writer *writer;
};

struct image {
    enum image_kind kind;
    struct image_set *set;
    const char *name;
    VEC(unsigned char) bytes;
};

/* Files of a set that is not whole must never be taken for a checkpoint: where the target holds
 * one, the new files gather in a hidden directory; where it holds none, the missing inventory
 * tells. */
static int choose_place(struct image_set *set, struct error *e)
{
    if (faccessat(set->target, inventory_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        set->partial = fcntl(set->target, F_DUPFD_CLOEXEC, 0);
        return set->partial < 0 ? fail_errno(e, "cannot use the image directory") : 0;
    }
    set->partial_name = arena_printf(set->arena, ".stasis-partial-%d", (int)gettid());
    if (remove_tree_at(set->target, set->partial_name, e) < 0)
        return -1;
    if (mkdirat(set->target, set->partial_name, 0700) < 0)
        return fail_errno(e, "cannot write in the image directory");
    set->partial = openat(set->target, set->partial_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (set->partial < 0) {
        fail_errno(e, "cannot open %s in the image directory", set->partial_name);
        unlinkat(set->target, set->partial_name, AT_REMOVEDIR);
        return -1;
    }
    return 0;
}

struct image_set *image_set_new(struct arena *arena, int dir_fd, struct error *e)
{
    struct image_set *set = arena_alloc(arena, sizeof(*set));
    set->arena = arena;
    set->target = dir_fd;
    if (choose_place(set, e) < 0)
        return NULL;
    set->writer = writer_start(arena, set->partial);
    return set;
}

int image_set_dir(const struct image_set *set)
{
    return set->partial;
}

void image_set_adopt(struct image_set *set, const char *name)
{
    vec_add(set->arena, &set->written, arena_strdup(set->arena, name));
}

int image_set_create(struct image_set *set, const char *name, struct error *e)
{
    image_set_adopt(set, name);
    int fd = openat(set->partial, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? fail_errno(e, "cannot create %s", name) : fd;
}

/* A directory cannot take the place of one that is not empty, nor of a link. */
static int publish(struct image_set *set, const char *name, struct error *e)
{
    if (renameat(set->partial, name, set->target, name) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR && errno != EISDIR)
        return fail_errno(e, "cannot publish %s", name);
    if (remove_tree_at(set->target, name, e) < 0)
        return -1;
    if (renameat(set->partial, name, set->target, name) < 0)
        return fail_errno(e, "cannot publish %s", name);
    return 0;
}

static int publish_all(struct image_set *set, struct error *e)
{
    if (unlinkat(set->target, inventory_name, 0) < 0 && errno != ENOENT)
        return fail_errno(e, "cannot replace %s", inventory_name);
    for (size_t i = 0; i < set->written.count; i++)
        if (publish(set, set->written.items[i], e) < 0)
            return -1;
    return 0;
}

int image_set_commit(struct image_set *set, struct error *e)
{
    if (!set->inventory)
        return fail(e, EINVAL, "no inventory: the images are not whole");
    if (writer_finish(set->writer, e) < 0)
        return -1;
    if (set->partial_name && publish_all(set, e) < 0)
        return -1;
    if (replace_file_at(set->target, inventory_name, set->inventory->bytes.items,
                        set->inventory->bytes.count, 0600, e) < 0)
        return -1;
    if (set->partial_name)
        unlinkat(set->target, set->partial_name, AT_REMOVEDIR);
    close(set->partial);
    set->partial = -1;
    return 0;
}

void image_set_abandon(struct image_set *set)
{
    struct error ignored = {0};
    if (!set || set->partial < 0)
        return;
    writer_finish(set->writer, &ignored);
    for (size_t i = 0; i < set->written.count; i++)
        remove_tree_at(set->partial, set->written.items[i], &ignored);
    if (set->partial_name)
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
    image->kind = kind;
    image->name = image_name(set->arena, kind, id);
    if (format->common)
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
    if (image->kind == IMAGE_INVENTORY) {
        image->set->inventory = image;
        return 0;
    }
    image_set_adopt(image->set, image->name);
    return writer_add(image->set->writer, image->name, image->bytes.items, image->bytes.count, e);
}

int image_write_one(struct image_set *set, enum image_kind kind, uint32_t id,
                    const ProtobufCMessage *message, struct error *e)
{
    struct image *image = image_create(set, kind, id);
    image_add(image, message);
    return image_close(image, e);
}
