#include "engine/reference.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Runs of lower-case letters and digits, separated by one dot, one or two underscores or any
 * number of hyphens. Returns what is behind the component, NULL where there is none. */
static const char *skip_component(const char *text)
{
    size_t run = strspn(text, LOWER);
    if (!run)
        return NULL;
    for (;;) {
        text += run;
        size_t hyphens = strspn(text, "-");
        size_t separator = hyphens ? hyphens : *text == '.' ? 1 : strspn(text, "_");
        if (!separator || (*text == '_' && separator > 2))
            return text;
        run = strspn(text + separator, LOWER);
        if (!run)
            return text;
        text += separator;
    }
}

static bool is_path(const char *path)
{
    while ((path = skip_component(path)) && *path == '/')
        path++;
    return path && !*path;
}

static bool is_tag(const char *tag)
{
    size_t length = strspn(tag, LOWER UPPER "_.-");
    return length > 0 && length <= 128 && !tag[length] && *tag != '.' && *tag != '-';
}

/* Host name, IPv4 or bracketed IPv6 address, each perhaps with a port. */
static bool is_host(const char *host)
{
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    const char *port = host + length;
    if (*host == '[') {
        if (length < 4 || strspn(host + 1, "0123456789abcdefABCDEF:.") != length - 2)
            return false;
    } else if (!length || strspn(host, LOWER UPPER ".-") < length || *host == '-' || *host == '.' ||
               port[-1] == '-' || port[-1] == '.') {
        return false;
    }
    return !*port ||
           (*port == ':' && port[1] && strspn(port + 1, "0123456789") == strlen(port + 1));
}

static bool has_upper(const char *text)
{
    return strpbrk(text, UPPER) != NULL;
}

/* The first component is a host if it could be nothing else. */
static bool begins_with_host(const char *first)
{
    return strpbrk(first, ".:") || strcmp(first, "localhost") == 0 || has_upper(first);
}

static const char *find_tag(const char *name)
{
    const char *slash = strrchr(name, '/');
    return strchr(slash ? slash : name, ':');
}

bool reference_has_tag(const char *name)
{
    return find_tag(name) != NULL;
}

int reference_repository_length(const char *normal)
{
    const char *colon = find_tag(normal);
    return colon ? (int)(colon - normal) : (int)strlen(normal);
}

bool reference_matches(const char *normal, const char *pattern)
{
    char repository[512];
    size_t length = (size_t)reference_repository_length(normal);
    if (fnmatch(pattern, normal, FNM_PATHNAME) == 0)
        return true;
    if (length >= sizeof(repository))
        return false;
    memcpy(repository, normal, length);
    repository[length] = 0;
    return fnmatch(pattern, repository, FNM_PATHNAME) == 0;
}

/* Takes the host off *path; "" where Docker's own is meant. */
static const char *split_host(struct arena *arena, const char **path)
{
    const char *slash = strchr(*path, '/');
    char *first = slash ? arena_strndup(arena, *path, (size_t)(slash - *path)) : NULL;
    if (!first || !begins_with_host(first))
        return "";
    *path = slash + 1;
    return strcmp(first, "docker.io") == 0 || strcmp(first, "index.docker.io") == 0 ? "" : first;
}

char *reference_normal(struct arena *arena, const char *name, struct error *e)
{
    const char *colon = find_tag(name), *tag = colon ? colon + 1 : "latest";
    const char *repository = arena_strndup(arena, name, (size_t)reference_repository_length(name));
    const char *path = repository, *host = split_host(arena, &path);
    size_t length = strlen(repository);
    if (length == 64 && strspn(repository, "0123456789abcdef") == 64) {
        fail(e, EINVAL, "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
             repository);
        return NULL;
    }
    if (has_upper(path)) {
        fail(e, EINVAL, "invalid reference format: repository name (%.200s) must be lowercase",
             path);
        return NULL;
    }
    if (length > 255 || (*host && !is_host(host)) || !is_path(path) || !is_tag(tag)) {
        fail(e, EINVAL, "invalid reference format: '%.200s'", name);
        return NULL;
    }
    if (!*host && starts_with(path, "library/") && !strchr(path + strlen("library/"), '/'))
        path += strlen("library/");
    return arena_printf(arena, "%s%s%s:%s", host, *host ? "/" : "", path, tag);
}
