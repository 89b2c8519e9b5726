#include "engine/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/layer_tar.h"

static void write_digest(struct sha256_ctx *hash, char digest[DIGEST_SIZE])
{
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof(bytes), bytes);
    memcpy(digest, "sha256:", 7);
    write_hex(digest + 7, bytes, sizeof(bytes));
}

void digest_of(const void *data, size_t size, char digest[DIGEST_SIZE])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, data);
    write_digest(&hash, digest);
}

bool is_digest(const char *text)
{
    return starts_with(text, "sha256:") && is_full_id(text + 7);
}

void layer_key(const char *diff_id, char key[LAYER_KEY_SIZE])
{
    snprintf(key, LAYER_KEY_SIZE, "%.32s", diff_id + 7);
}

/* KEY.json: "DiffID", "Size" of the files, "TarSize". */
static json_t *read_about(const struct engine *engine, const char *diff_id, struct error *e)
{
    char path[80];
    snprintf(path, sizeof(path), "layers/%.32s.json", diff_id + 7);
    json_auto_t *about = json_read_at(engine->root, path, e);
    if (!about)
        return NULL;
    if (strcmp(json_text(about, "DiffID"), diff_id) != 0) {
        fail(e, EIO, "%s is not of layer %s", path, diff_id);
        return NULL;
    }
    return json_incref(about);
}

bool layer_exists(const struct engine *engine, const char *diff_id)
{
    struct error ignored = {0};
    json_auto_t *about = read_about(engine, diff_id, &ignored);
    return about != NULL;
}

long long layer_size(const struct engine *engine, const char *diff_id)
{
    struct error ignored = {0};
    json_auto_t *about = read_about(engine, diff_id, &ignored);
    return json_number(about, "Size");
}

/* The layer's tar on its way: decompressed by one archive object, hashed and kept compressed, and
 * handed to a second one that reads it as tar. */
struct passing_tar {
    struct archive *raw;
    struct sha256_ctx hash;
    ZSTD_CCtx *compressor;
    int kept; /* where the compressed copy goes */
    long long size;
    bool ended;
    int write_error; /* an errno value */
    char buffer[1 << 17], compressed[1 << 17];
};

static int keep_compressed(struct passing_tar *tar, const void *data, size_t size,
                           ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {data, size, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {tar->compressed, sizeof(tar->compressed), 0};
        left = ZSTD_compressStream2(tar->compressor, &out, &in, end);
        if (ZSTD_isError(left) || write_all(tar->kept, tar->compressed, out.pos) < 0) {
            tar->write_error = ZSTD_isError(left) ? EIO : errno;
            return -1;
        }
    } while (in.pos < in.size || (end == ZSTD_e_end && left));
    return 0;
}

static la_ssize_t pass_on(struct archive *archive, void *context, const void **data)
{
    struct passing_tar *tar = context;
    *data = tar->buffer;
    if (tar->ended)
        return 0;
    la_ssize_t size = archive_read_data(tar->raw, tar->buffer, sizeof(tar->buffer));
    if (size < 0) {
        archive_set_error(archive, EINVAL, "%s", archive_error_string(tar->raw));
        return ARCHIVE_FATAL;
    }
    tar->ended = size == 0;
    tar->size += size;
    sha256_update(&tar->hash, (size_t)size, (const uint8_t *)tar->buffer);
    if (keep_compressed(tar, tar->buffer, (size_t)size, size ? ZSTD_e_continue : ZSTD_e_end) < 0) {
        archive_set_error(archive, tar->write_error, "%s", strerror(tar->write_error));
        return ARCHIVE_FATAL;
    }
    return size;
}

static int open_raw(struct passing_tar *tar, int fd, struct error *e)
{
    struct archive_entry *entry;
    tar->raw = archive_read_new();
    archive_read_support_format_raw(tar->raw);
    archive_read_support_format_empty(tar->raw);
    archive_read_support_filter_gzip(tar->raw);
    archive_read_support_filter_zstd(tar->raw);
    archive_read_support_filter_xz(tar->raw);
    if (archive_read_open_fd(tar->raw, fd, 1 << 17) != ARCHIVE_OK)
        return fail(e, EINVAL, "%s", archive_error_string(tar->raw));
    int status = archive_read_next_header(tar->raw, &entry);
    if (status < ARCHIVE_WARN)
        return fail(e, EINVAL, "%s", archive_error_string(tar->raw));
    tar->ended = status == ARCHIVE_EOF; /* nothing at all: an empty layer */
    return 0;
}

static int read_as_tar(struct passing_tar *tar, int content, long long *size, struct error *e)
{
    struct archive *archive = archive_read_new();
    const void *rest;
    archive_read_support_format_tar(archive);
    archive_read_support_format_empty(archive);
    int result = 0;
    if (archive_read_open(archive, tar, NULL, pass_on, NULL) != ARCHIVE_OK)
        result = fail(e, EINVAL, "not a tar archive: %s", archive_error_string(archive));
    else
        result = layer_tar_extract_archive(archive, content, WHITEOUTS_AS_OVERLAY, size, e);
    /* The id covers the padding behind the end mark too. */
    while (result == 0 && !tar->ended) {
        if (pass_on(archive, tar, &rest) < 0)
            result = fail(e, EIO, "%s", archive_error_string(archive));
    }
    if (result < 0 && tar->write_error)
        fail(e, tar->write_error, "%s", strerror(tar->write_error));
    archive_read_free(archive);
    return result;
}

static int pass_through(int fd, int content, int kept, struct layer_draft *draft, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct passing_tar *tar = arena_alloc(arena, sizeof(*tar));
    tar->kept = kept;
    tar->compressor = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(tar->compressor, ZSTD_c_compressionLevel, 1);
    sha256_init(&tar->hash);
    int result = open_raw(tar, fd, e);
    if (result == 0)
        result = read_as_tar(tar, content, &draft->size, e);
    write_digest(&tar->hash, draft->diff_id);
    draft->tar_size = tar->size;
    archive_read_free(tar->raw);
    ZSTD_freeCCtx(tar->compressor);
    return result;
}

static int unpack_beside(struct engine *engine, int tar, struct layer_draft *draft, struct error *e)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/content", draft->beside);
    AUTO_CLOSE int content = open_directory_at(engine->root, path, true, e);
    if (content < 0)
        return -1;
    if (fchmod(content, 0755) < 0)
        return fail_errno(e, "%s", path);
    snprintf(path, sizeof(path), "%s/tar.zst", draft->beside);
    AUTO_CLOSE int kept = openat(engine->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (kept < 0)
        return fail_errno(e, "%s", path);
    return pass_through(tar, content, kept, draft, e);
}

int layer_unpack(struct engine *engine, int tar, const char *expected, struct layer_draft *draft,
                 struct error *e)
{
    char random[ENGINE_ID_SIZE];
    write_random_id(random);
    snprintf(draft->beside, sizeof(draft->beside), "trash/%s", random);
    int result = unpack_beside(engine, tar, draft, e);
    if (result == 0 && expected && strcmp(expected, draft->diff_id) != 0)
        result =
            fail(e, EINVAL, "its content is not what %s names: it is %s", expected, draft->diff_id);
    if (result < 0)
        layer_draft_drop(engine, draft);
    return result;
}

void layer_draft_drop(struct engine *engine, struct layer_draft *draft)
{
    struct error ignored = {0};
    if (*draft->beside)
        remove_tree_at(engine->root, draft->beside, &ignored);
    *draft->beside = 0;
}

static int move_part(const struct engine *engine, const struct layer_draft *draft, const char *part,
                     const char *suffix, struct error *e)
{
    char from[128], to[80];
    snprintf(from, sizeof(from), "%s/%s", draft->beside, part);
    snprintf(to, sizeof(to), "layers/%.32s%s", draft->diff_id + 7, suffix);
    if (discard(engine, to, e) < 0)
        return -1;
    return renameat(engine->root, from, engine->root, to) < 0 ? fail_errno(e, "%s", to) : 0;
}

/* KEY.json comes last: it says that all is there. */
int layer_publish(struct engine *engine, const struct layer_draft *draft, struct error *e)
{
    char path[80];
    if (layer_exists(engine, draft->diff_id))
        return 0;
    if (move_part(engine, draft, "content", "", e) < 0 ||
        move_part(engine, draft, "tar.zst", ".tar.zst", e) < 0)
        return -1;
    json_auto_t *about = json_pack("{s:s, s:I, s:I}", "DiffID", draft->diff_id, "Size",
                                   (json_int_t)draft->size, "TarSize", (json_int_t)draft->tar_size);
    snprintf(path, sizeof(path), "layers/%.32s.json", draft->diff_id + 7);
    return json_replace_at(engine->root, path, about, e);
}

/* Hands the tar on block by block; it must be as long as was promised. */
static int copy_blocks(struct archive *raw, long long size, struct layer_writer *to,
                       struct error *e)
{
    char block[1 << 15];
    la_ssize_t n = 0;
    while (size > 0 && (n = archive_read_data(raw, block, sizeof(block))) > 0) {
        if (n > size)
            break;
        if (layer_writer_write(to, block, (size_t)n, e) < 0)
            return -1;
        size -= n;
    }
    if (n < 0)
        return fail(e, EIO, "%s", archive_error_string(raw));
    return size ? fail(e, EIO, "the tar kept of it has another length") : 0;
}

int layer_copy_tar(struct engine *engine, const char *diff_id, struct layer_writer *to,
                   const char *path, struct error *e)
{
    char kept[80];
    struct archive_entry *entry;
    json_auto_t *about = read_about(engine, diff_id, e);
    if (!about)
        return -1;
    struct made_entry file = {
        .path = path, .mode = S_IFREG | 0644, .size = json_number(about, "TarSize")};
    snprintf(kept, sizeof(kept), "layers/%.32s.tar.zst", diff_id + 7);
    AUTO_CLOSE int fd = openat(engine->root, kept, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, "%s", kept);
    struct archive *raw = archive_read_new();
    archive_read_support_format_raw(raw);
    archive_read_support_format_empty(raw);
    archive_read_support_filter_zstd(raw);
    int result;
    if (archive_read_open_fd(raw, fd, 1 << 17) != ARCHIVE_OK ||
        archive_read_next_header(raw, &entry) < ARCHIVE_WARN)
        result = fail(e, EIO, "%s: %s", kept, archive_error_string(raw));
    else
        result = layer_writer_begin(to, &file, e) < 0 ? -1 : copy_blocks(raw, file.size, to, e);
    archive_read_free(raw);
    return result;
}

int layer_remove(struct engine *engine, const char *key, struct error *e)
{
    char path[80];
    snprintf(path, sizeof(path), "layers/%.32s.json", key);
    unlinkat(engine->root, path, 0);
    snprintf(path, sizeof(path), "layers/%.32s.tar.zst", key);
    unlinkat(engine->root, path, 0);
    snprintf(path, sizeof(path), "layers/%.32s", key);
    return discard(engine, path, e);
}
