/* Images from and into files: import, load, save, and the image of busybox. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/images.h"

/* One message of a progress report: {"status"}, {"stream"} or {"error"}. */
static int print_message(const json_t *message, struct error *e)
{
    if (*json_text(message, "error"))
        return fail(e, EREMOTEIO, "Error response from daemon: %s", json_text(message, "error"));
    fputs(json_text(message, "stream"), stdout);
    if (*json_text(message, "status"))
        puts(json_text(message, "status"));
    return 0;
}

/* The messages stand one after the other in the body. */
static int print_messages(const char *text, size_t size, struct error *e)
{
    size_t at = 0;
    while (at + strspn(text + at, " \r\n\t") < size) {
        json_error_t where;
        json_auto_t *message = json_loadb(text + at, size - at, JSON_DISABLE_EOF_CHECK, &where);
        if (!message)
            return fail(e, EPROTO, "the engine's answer is not JSON: %s", where.text);
        if (print_message(message, e) < 0)
            return -1;
        at += (size_t)where.position;
    }
    return 0;
}

/* Sends all that can be read from `fd` and prints the progress report. */
static int send_archive(struct cli *cli, const char *path, int fd, struct error *e)
{
    struct http_request request = {.method = "POST",
                                   .path = path,
                                   .content_type = "application/x-tar",
                                   .body_from_fd = true,
                                   .body_fd = fd};
    AUTO_STREAM struct stream stream = {0};
    if (stream_open(cli, &request, &stream, e) < 0)
        return -1;
    size_t size;
    char *text = stream_text(&stream, &size, e);
    if (!text)
        return -1;
    int result = print_messages(text, size, e);
    free(text);
    return result;
}

static int open_archive(const char *path, struct error *e)
{
    int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fail_errno(e, "opening %s", path) : fd;
}

struct import_options {
    const char *message;
    struct text_list change;
};

static const struct option import_options[] = {
    OPTION(struct import_options, change, 'c', "change", "list",
           "Apply Dockerfile instruction to the created image"),
    OPTION(struct import_options, message, 'm', "message", "string",
           "Set commit message for imported image"),
    OPTIONS_END};

static int run_import(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct import_options *options = values;
    if (strstr(words.items[0], "://"))
        return fail_usage(e, "%s: only a file or - can be imported", words.items[0]);
    AUTO_CLOSE int fd = open_archive(words.items[0], e);
    if (fd < 0)
        return -1;
    char *path = arena_strdup(cli->arena, "/images/create?fromSrc=-");
    if (words.count > 1) {
        struct reference name = split_reference(cli, words.items[1]);
        path = with_query(cli, path, "repo", name.repository);
        path = with_query(cli, path, "tag", name.tag);
    }
    path = with_query(cli, path, "message", options->message);
    for (size_t i = 0; i < options->change.count; i++)
        path = with_query(cli, path, "changes", options->change.items[i]);
    return send_archive(cli, path, fd, e);
}

const struct command image_import_command = {
    .usage = "[OPTIONS] file|- [REPOSITORY[:TAG]]",
    .summary = "Import the contents from a tarball to create a filesystem image",
    .options = import_options,
    .values_size = sizeof(struct import_options),
    .least = 1,
    .most = 2,
    .run = run_import};

struct load_options {
    bool quiet;
    const char *input;
};

static const struct option load_options[] = {
    OPTION(struct load_options, input, 'i', "input", "string",
           "Read from tar archive file, instead of STDIN"),
    OPTION(struct load_options, quiet, 'q', "quiet", NULL, "Suppress the load output"),
    OPTIONS_END};

static int run_load(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    const struct load_options *options = values;
    if (!options->input && isatty(0))
        return fail_usage(e, "requested load from stdin, but stdin is a terminal");
    AUTO_CLOSE int fd = open_archive(options->input ? options->input : "-", e);
    if (fd < 0)
        return -1;
    return send_archive(cli, options->quiet ? "/images/load?quiet=1" : "/images/load?quiet=0", fd,
                        e);
}

const struct command image_load_command = {.usage = "[OPTIONS]",
                                           .summary = "Load an image from a tar archive or STDIN",
                                           .options = load_options,
                                           .values_size = sizeof(struct load_options),
                                           .run = run_load};

struct save_options {
    const char *output;
};

static const struct option save_options[] = {OPTION(struct save_options, output, 'o', "output",
                                                    "string", "Write to a file, instead of STDOUT"),
                                             OPTIONS_END};

static int copy_to(struct stream *stream, int fd, struct error *e)
{
    char data[65536];
    ssize_t size;
    while ((size = stream_read(stream, data, sizeof(data), e)) > 0) {
        if (write_all(fd, data, (size_t)size) < 0)
            return fail_errno(e, "writing the images");
    }
    return (int)size;
}

/* The file appears when it is complete. */
static int save_to_file(struct cli *cli, struct stream *stream, const char *path, struct error *e)
{
    char *beside = arena_printf(cli->arena, "%s.XXXXXX", path);
    AUTO_CLOSE int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, "creating %s", path);
    if (copy_to(stream, fd, e) == 0) {
        if (rename(beside, path) == 0)
            return 0;
        fail_errno(e, "creating %s", path);
    }
    unlink(beside);
    return -1;
}

static int run_save(struct cli *cli, const void *values, struct words words, struct error *e)
{
    const struct save_options *options = values;
    if (!options->output && isatty(1))
        return fail_usage(e, "cowardly refusing to save to a terminal. Use the -o flag or "
                             "redirect");
    char *path = arena_strdup(cli->arena, "/images/get");
    for (size_t i = 0; i < words.count; i++)
        path = with_query(cli, path, "names", words.items[i]);
    struct http_request request = {.method = "GET", .path = path};
    AUTO_STREAM struct stream stream = {0};
    if (stream_open(cli, &request, &stream, e) < 0)
        return -1;
    return options->output ? save_to_file(cli, &stream, options->output, e)
                           : copy_to(&stream, 1, e);
}

const struct command image_save_command = {
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
    .options = save_options,
    .values_size = sizeof(struct save_options),
    .least = 1,
    .most = ANY_NUMBER,
    .run = run_save};

static int run_busybox(struct cli *cli, const void *options, struct words words, struct error *e)
{
    (void)options;
    (void)words;
    json_auto_t *answer = NULL;
    if (ask(cli, "POST", "/stasis/images/busybox", NULL, &answer, e) < 0)
        return -1;
    puts(json_text(answer, "Id"));
    return 0;
}

const struct command image_busybox_command = {
    .usage = "",
    .summary = "Build the image busybox:latest from this machine's static busybox",
    .run = run_busybox};
