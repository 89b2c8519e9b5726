#include "engine/checkpoint_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/layer.h"
#include "engine/store.h"

/* Large files are pages of memory: to read them twice would double the time of a checkpoint. Of
 * these the size alone is checked. */
#define DIGEST_LIMIT (4 << 20)

static int write_digest(int fd, off_t size, char digest[DIGEST_SIZE], struct error *e)
{
    char small[16 << 10];
    *digest = 0;
    if (size > DIGEST_LIMIT)
        return 0;
    if (size <= (off_t)sizeof(small)) {
        if (read_full(fd, small, (size_t)size) != (ssize_t)size)
            return fail_errno(e, "read");
        digest_of(small, (size_t)size, digest);
        return 0;
    }
    void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        return fail_errno(e, "mmap");
    digest_of(data, (size_t)size, digest);
    munmap(data, (size_t)size);
    return 0;
}

static int note_file(int dir, const char *name, json_t *files, struct error *e)
{
    char digest[DIGEST_SIZE];
    struct stat st;
    AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(e, "%s", name);
    if (!S_ISREG(st.st_mode))
        return 0;
    if (write_digest(fd, st.st_size, digest, e) < 0)
        return fail_in(e, "%s", name);
    return json_object_set_new(
        files, name, json_pack("{s:I, s:s}", "Size", (json_int_t)st.st_size, "Digest", digest));
}

/* Names of files below `dir`, one directory deep at most: images of what processes share lie in
 * directories like `parent`. */
static int note_directory(int dir, const char *prefix, json_t *files, struct error *e)
{
    int again = openat(dir, *prefix ? prefix : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list)
        return fail_errno(e, "%s", prefix);
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[600];
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, CHECKPOINT_ABOUT) == 0)
            continue;
        snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
        int result = 0;
        if (entry->d_type == DT_DIR && !*prefix)
            result = note_directory(dir, entry->d_name, files, e);
        else if (entry->d_type == DT_REG)
            result = note_file(dir, path, files, e);
        if (result < 0)
            return -1;
    }
    return 0;
}

int checkpoint_files_note(int dir, json_t *about, struct error *e)
{
    json_t *files = json_object();
    json_object_set_new(about, "Files", files);
    if (note_directory(dir, "", files, e) < 0)
        return -1;
    AUTO_FREE char *text = json_dumps(about, JSON_INDENT(1));
    AUTO_CLOSE int fd = openat(dir, CHECKPOINT_ABOUT, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!text || fd < 0)
        return fail_errno(e, CHECKPOINT_ABOUT);
    if (write_all(fd, text, strlen(text)) < 0 || ftruncate(fd, (off_t)strlen(text)) < 0)
        return fail_errno(e, CHECKPOINT_ABOUT);
    return 0;
}

/* A name of the checkpoint's own, which is untrusted. */
static bool is_plain_name(const char *name)
{
    const char *slash = strchr(name, '/');
    return *name && *name != '.' && *name != '/' && !strstr(name, "..") &&
           !(slash && strchr(slash + 1, '/'));
}

static int verify_file(int dir, const char *name, const json_t *noted, struct error *e)
{
    char digest[DIGEST_SIZE];
    struct stat st;
    if (!is_plain_name(name))
        return fail(e, EINVAL, "damaged: '%.100s' is no name of an image", name);
    AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fail(e, EINVAL, "damaged: %s is missing", name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(e, "%s", name);
    json_int_t size = json_number(noted, "Size");
    if (!S_ISREG(st.st_mode) || st.st_size != size)
        return fail(e, EINVAL, "damaged: %s has %lld bytes, not %lld", name, (long long)st.st_size,
                    (long long)size);
    if (write_digest(fd, st.st_size, digest, e) < 0)
        return fail_in(e, "%s", name);
    if (strcmp(digest, json_text(noted, "Digest")) != 0)
        return fail(e, EINVAL, "damaged: %s is not what was written", name);
    return 0;
}

int checkpoint_files_verify(int dir, const json_t *about, struct error *e)
{
    const char *name;
    json_t *noted;
    json_t *files = json_object_get(about, "Files");
    if (json_number(about, "Version") != 1)
        return fail(e, EINVAL, "damaged, or of a version that is not known here");
    if (!json_object_get(files, "inventory.img"))
        return fail(e, EINVAL, "damaged: it names no images");
    json_object_foreach (files, name, noted) {
        if (verify_file(dir, name, noted, e) < 0)
            return -1;
    }
    return 0;
}
