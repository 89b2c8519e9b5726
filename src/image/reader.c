/* Image files that are being read: nothing in them is trusted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image.h"
#include "image/kinds.h"

struct image_reader {
    struct arena *arena;
    const char *name;
    const unsigned char *at, *end;
};

static void *allocate_in_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void keep_in_arena(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static int check_magic(struct image_reader *reader, const struct image_format *format,
                       struct error *e)
{
    const uint32_t wanted[] = {format->common, format->magic};
    for (size_t i = format->common ? 0 : 1; i < 2; i++) {
        uint32_t word;
        if ((size_t)(reader->end - reader->at) < sizeof(word))
            return fail(e, EBADMSG, "%s: truncated: no header", reader->name);
        memcpy(&word, reader->at, sizeof(word));
        reader->at += sizeof(word);
        if (word != wanted[i])
            return fail(e, EBADMSG, "%s: not an image of this kind (%08x, not %08x)", reader->name,
                        word, wanted[i]);
    }
    return 0;
}

struct image_reader *image_open(struct arena *arena, int dir_fd, enum image_kind kind, uint32_t id,
                                struct error *e)
{
    struct image_reader *reader = arena_alloc(arena, sizeof(*reader));
    reader->arena = arena;
    reader->name = image_name(arena, kind, id);
    AUTO_CLOSE int fd = openat(dir_fd, reader->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        fail_errno(e, "%s", reader->name);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        fail(e, EBADMSG, "%s: not a regular file", reader->name);
        return NULL;
    }
    size_t size = (size_t)st.st_size;
    unsigned char *content = arena_alloc(arena, size + 1);
    /* One byte more than there is: a file that grows meanwhile is none of ours. */
    if (pread(fd, content, size + 1, 0) != st.st_size) {
        fail(e, EIO, "%s: cannot be read", reader->name);
        return NULL;
    }
    reader->at = content;
    reader->end = reader->at + size;
    return check_magic(reader, image_format_of(kind), e) < 0 ? NULL : reader;
}

void *image_next(struct image_reader *reader, const ProtobufCMessageDescriptor *descriptor,
                 struct error *e)
{
    size_t left = (size_t)(reader->end - reader->at);
    e->code = 0;
    if (left == 0)
        return NULL;
    uint32_t size;
    if (left < sizeof(size)) {
        fail(e, EBADMSG, "%s: truncated entry", reader->name);
        return NULL;
    }
    memcpy(&size, reader->at, sizeof(size));
    if (size > left - sizeof(size)) {
        fail(e, EBADMSG, "%s: entry of %u bytes reaches beyond the file", reader->name, size);
        return NULL;
    }
    ProtobufCAllocator allocator = {allocate_in_arena, keep_in_arena, reader->arena};
    void *message =
        protobuf_c_message_unpack(descriptor, &allocator, size, reader->at + sizeof(size));
    if (!message) {
        fail(e, EBADMSG, "%s: damaged %s", reader->name, descriptor->name);
        return NULL;
    }
    reader->at += sizeof(size) + size;
    return message;
}

const void *image_next_raw(struct image_reader *reader, size_t size, struct error *e)
{
    if (size > (size_t)(reader->end - reader->at)) {
        fail(e, EBADMSG, "%s: truncated: %zu bytes of data missing", reader->name,
             size - (size_t)(reader->end - reader->at));
        return NULL;
    }
    const void *data = reader->at;
    reader->at += size;
    return data;
}

void *image_read_one(struct arena *arena, int dir_fd, enum image_kind kind, uint32_t id,
                     const ProtobufCMessageDescriptor *descriptor, struct error *e)
{
    struct image_reader *reader = image_open(arena, dir_fd, kind, id, e);
    if (!reader)
        return NULL;
    void *message = image_next(reader, descriptor, e);
    if (!message && !e->code)
        fail(e, EBADMSG, "%s: empty", reader->name);
    return message;
}
