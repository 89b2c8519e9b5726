#include "kernel/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline and backslash as \040 and the like. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

/* Cuts the next word off a line. "" at its end. */
static char *next_word(char **line)
{
    char *word = *line, *end = strchr(word, ' ');
    if (end)
        *end++ = 0;
    *line = end ? end : word + strlen(word);
    return word;
}

static char *next_path(char **line)
{
    char *word = next_word(line);
    unescape(word);
    return word;
}

static void read_peers(struct mountinfo *mount, const char *field)
{
    if (!strncmp(field, "shared:", 7))
        mount->shared = (uint32_t)strtoul(field + 7, NULL, 10);
    else if (!strncmp(field, "master:", 7))
        mount->master = (uint32_t)strtoul(field + 7, NULL, 10);
    else if (!strcmp(field, "unbindable"))
        mount->unbindable = true;
}

static bool read_line(char *line, struct mountinfo *mount)
{
    char *end;
    mount->id = (int)strtol(next_word(&line), NULL, 10);
    mount->parent = (int)strtol(next_word(&line), NULL, 10);
    mount->major = (unsigned)strtoul(next_word(&line), &end, 10);
    if (*end != ':')
        return false;
    mount->minor = (unsigned)strtoul(end + 1, NULL, 10);
    mount->root = next_path(&line);
    mount->point = next_path(&line);
    mount->options = next_word(&line);
    const char *field = next_word(&line);
    for (; *field && strcmp(field, "-") != 0; field = next_word(&line))
        read_peers(mount, field);
    mount->type = next_path(&line);
    mount->source = next_path(&line);
    mount->super_options = next_path(&line);
    return *field && mount->type[0];
}

int mountinfo_read(int proc, struct arena *arena, mountinfo_list *list, struct error *e)
{
    char *text = read_file_at(proc, "mountinfo", arena, NULL, e);
    if (!text)
        return -1;
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        else
            end = line + strlen(line);
        if (!read_line(line, vec_push(arena, list)))
            return fail(e, EBADMSG, "a line of mountinfo is not understood");
    }
    return 0;
}

bool path_is_below(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    if (length == 1)
        return path[0] == '/';
    return !strncmp(path, prefix, length) && (path[length] == 0 || path[length] == '/');
}

const char *path_below(const char *path, const char *prefix)
{
    const char *rest = path + (prefix[1] ? strlen(prefix) : 0);
    return strcmp(rest, "/") != 0 ? rest : "";
}
