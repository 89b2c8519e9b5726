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

bool layer_exists(const struct engine *engine, const char *diff_id)
{
    char path[80];
    struct stat st;
    snprintf(path, sizeof(path), "layers/%.32s.json", diff_id + 7);
    return is_digest(diff_id) && fstatat(engine->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

long long layer_size(const struct engine *engine, const char *diff_id)
{
    char path[80];
    struct error ignored = {0};
    snprintf(path, sizeof(path), "layers/%.32s.json", diff_id + 7);
    json_auto_t *about = json_read_at(engine->root, path, &ignored);
    return json_number(about, "Size");
}

/* The layer's tar on its way: decompressed by one archive object, hashed and kept compressed, and
 * handed to a second one that reads it as tar. */
struct passing_tar {
    struct archive *raw;
    struct sha256_ctx hash;
    ZSTD_CCtx *compressor;
    int kept; /* where the compressed copy goes */
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
    if (archive_read_open_fd(tar->raw, fd, 1 << 17) != ARCHIVE_OK ||
        archive_read_next_header(tar->raw, &entry) < ARCHIVE_WARN)
        return fail(e, EINVAL, "layer: %s", archive_error_string(tar->raw));
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
            result = fail(e, EIO, "layer: %s", archive_error_string(archive));
    }
    if (result < 0 && tar->write_error)
        fail(e, tar->write_error, "layer: %s", strerror(tar->write_error));
    archive_read_free(archive);
    return result;
}

static int pass_through(int fd, int content, int kept, char diff_id[DIGEST_SIZE], long long *size,
                        struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct passing_tar *tar = arena_alloc(arena, sizeof(*tar));
    tar->kept = kept;
    tar->compressor = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(tar->compressor, ZSTD_c_compressionLevel, 1);
    sha256_init(&tar->hash);
    int result = open_raw(tar, fd, e);
    if (result == 0)
        result = read_as_tar(tar, content, size, e);
    if (result == 0)
        write_digest(&tar->hash, diff_id);
    archive_read_free(tar->raw);
    ZSTD_freeCCtx(tar->compressor);
    return result;
}

/* Moves a complete layer from `beside` to its place; KEY.json last: it says that all is there. */
static int publish(struct engine *engine, const char *beside, const char *diff_id, long long size,
                   struct error *e)
{
    char key[LAYER_KEY_SIZE], from[128], to[128];
    layer_key(diff_id, key);
    AUTO_CLOSE int lock = lock_file_at(engine->root, "layers/lock", LOCK_WAIT, e);
    if (lock < 0)
        return -1;
    if (layer_exists(engine, diff_id))
        return 0;
    snprintf(from, sizeof(from), "%s/content", beside);
    snprintf(to, sizeof(to), "layers/%s", key);
    if (discard(engine, to, e) < 0)
        return -1;
    if (renameat(engine->root, from, engine->root, to) < 0)
        return fail_errno(e, "%s", to);
    snprintf(from, sizeof(from), "%s/tar.zst", beside);
    snprintf(to, sizeof(to), "layers/%s.tar.zst", key);
    if (renameat(engine->root, from, engine->root, to) < 0)
        return fail_errno(e, "%s", to);
    json_auto_t *about = json_pack("{s:s, s:I}", "DiffID", diff_id, "Size", (json_int_t)size);
    snprintf(to, sizeof(to), "layers/%s.json", key);
    return json_replace_at(engine->root, to, about, e);
}

static int add_beside(struct engine *engine, int tar, const char *beside, const char *expected,
                      char diff_id[DIGEST_SIZE], struct error *e)
{
    char path[128];
    long long size = 0;
    snprintf(path, sizeof(path), "%s/content", beside);
    AUTO_CLOSE int content = open_directory_at(engine->root, path, true, e);
    if (content < 0)
        return -1;
    fchmod(content, 0755);
    snprintf(path, sizeof(path), "%s/tar.zst", beside);
    AUTO_CLOSE int kept = openat(engine->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (kept < 0)
        return fail_errno(e, "%s", path);
    if (pass_through(tar, content, kept, diff_id, &size, e) < 0)
        return -1;
    if (expected && strcmp(expected, diff_id) != 0)
        return fail(e, EINVAL, "layer %s: its content is %s", expected, diff_id);
    return publish(engine, beside, diff_id, size, e);
}

int layer_add(struct engine *engine, int tar, const char *expected, char diff_id[DIGEST_SIZE],
              struct error *e)
{
    char id[ENGINE_ID_SIZE], beside[80];
    struct error ignored = {0};
    write_random_id(id);
    snprintf(beside, sizeof(beside), "trash/%s", id);
    int result = add_beside(engine, tar, beside, expected, diff_id, e);
    remove_tree_at(engine->root, beside, &ignored);
    return result;
}

int layer_open_tar(struct engine *engine, const char *diff_id, long long *size, struct error *e)
{
    char path[80];
    static const char context[] = "layer tar";
    struct archive_entry *entry;
    struct stat st;
    snprintf(path, sizeof(path), "layers/%.32s.tar.zst", diff_id + 7);
    AUTO_CLOSE int packed = openat(engine->root, path, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int plain = openat(engine->root, "trash", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (packed < 0 || plain < 0)
        return fail_errno(e, "%s", path);
    struct archive *raw = archive_read_new();
    archive_read_support_format_raw(raw);
    archive_read_support_filter_zstd(raw);
    int result = 0;
    if (archive_read_open_fd(raw, packed, 1 << 17) != ARCHIVE_OK ||
        archive_read_next_header(raw, &entry) < ARCHIVE_WARN ||
        archive_read_data_into_fd(raw, plain) < ARCHIVE_WARN)
        result = fail(e, EIO, "%s: %s", context, archive_error_string(raw));
    archive_read_free(raw);
    if (result < 0)
        return -1;
    if (fstat(plain, &st) < 0 || lseek(plain, 0, SEEK_SET) < 0)
        return fail_errno(e, "%s", context);
    *size = st.st_size;
    return take_fd(&plain);
}

int layer_remove(struct engine *engine, const char *diff_id, struct error *e)
{
    char key[LAYER_KEY_SIZE], path[80];
    layer_key(diff_id, key);
    AUTO_CLOSE int lock = lock_file_at(engine->root, "layers/lock", LOCK_WAIT, e);
    if (lock < 0)
        return -1;
    snprintf(path, sizeof(path), "layers/%s.json", key);
    unlinkat(engine->root, path, 0);
    snprintf(path, sizeof(path), "layers/%s.tar.zst", key);
    unlinkat(engine->root, path, 0);
    snprintf(path, sizeof(path), "layers/%s", key);
    return discard(engine, path, e);
}
