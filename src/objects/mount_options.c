#include "objects/mount_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct word {
    const char *name;
    uint32_t flag;
    uint64_t attribute;
};

static const struct word mount_words[] = {
    {"ro", MS_RDONLY, MOUNT_ATTR_RDONLY},
    {"nosuid", MS_NOSUID, MOUNT_ATTR_NOSUID},
    {"nodev", MS_NODEV, MOUNT_ATTR_NODEV},
    {"noexec", MS_NOEXEC, MOUNT_ATTR_NOEXEC},
    {"noatime", MS_NOATIME, MOUNT_ATTR_NOATIME},
    {"nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
    {"relatime", MS_RELATIME, MOUNT_ATTR_RELATIME},
    {"nosymfollow", MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
};
enum { MOUNT_WORDS = sizeof(mount_words) / sizeof(mount_words[0]) };

static const struct word super_words[] = {
    {"ro", MS_RDONLY, 0},        {"rw", 0, 0},
    {"sync", MS_SYNCHRONOUS, 0}, {"dirsync", MS_DIRSYNC, 0},
    {"mand", MS_MANDLOCK, 0},    {"lazytime", MS_LAZYTIME, 0},
};
enum { SUPER_WORDS = sizeof(super_words) / sizeof(super_words[0]) };

static const struct word *find_word(const struct word *words, int count, const char *text,
                                    size_t length)
{
    for (int i = 0; i < count; i++)
        if (strlen(words[i].name) == length && !memcmp(words[i].name, text, length))
            return &words[i];
    return NULL;
}

uint32_t mount_flags_of(const char *options)
{
    uint32_t flags = 0;
    for (const char *at = options; *at;) {
        size_t length = strcspn(at, ",");
        const struct word *word = find_word(mount_words, MOUNT_WORDS, at, length);
        flags |= word ? word->flag : 0;
        at += length + (at[length] == ',');
    }
    return flags;
}

const char *super_options_split(struct arena *arena, const char *options, uint32_t *flags)
{
    char *rest = arena_alloc(arena, strlen(options) + 2), *end = rest;
    *flags = 0;
    for (const char *at = options; *at;) {
        size_t length = strcspn(at, ",");
        const struct word *word = find_word(super_words, SUPER_WORDS, at, length);
        if (word) {
            *flags |= word->flag;
        } else {
            if (end > rest)
                *end++ = ',';
            memcpy(end, at, length);
            end += length;
        }
        at += length + (at[length] == ',');
    }
    *end = 0;
    return rest;
}

uint64_t mount_attributes_of(uint32_t flags)
{
    uint64_t attributes = 0;
    for (int i = 0; i < MOUNT_WORDS; i++)
        if (flags & mount_words[i].flag)
            attributes |= mount_words[i].attribute;
    /* Neither word is how the kernel shows strictatime. */
    if (!(flags & (MS_NOATIME | MS_RELATIME)))
        attributes |= MOUNT_ATTR_STRICTATIME;
    return attributes;
}
