#include "runtime/mount_options.h"

#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "base/text.h"

/* linux/mount.h and sys/mount.h of some C libraries cannot both be included. */
enum {
    PROPAGATE_UNBINDABLE = 1 << 17,
    PROPAGATE_PRIVATE = 1 << 18,
    PROPAGATE_SLAVE = 1 << 19,
    PROPAGATE_SHARED = 1 << 20
};

static const struct attribute_word {
    const char *word;
    uint64_t set, clear;
} attribute_words[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
};

static const struct propagation_word {
    const char *word;
    uint64_t propagation;
} propagation_words[] = {
    {"private", PROPAGATE_PRIVATE},
    {"slave", PROPAGATE_SLAVE},
    {"shared", PROPAGATE_SHARED},
    {"unbindable", PROPAGATE_UNBINDABLE},
};

static const struct attribute_word *find_attribute(const char *word)
{
    for (size_t i = 0; i < sizeof(attribute_words) / sizeof(*attribute_words); i++)
        if (!strcmp(attribute_words[i].word, word))
            return &attribute_words[i];
    return NULL;
}

static uint64_t find_propagation(const char *word)
{
    for (size_t i = 0; i < sizeof(propagation_words) / sizeof(*propagation_words); i++)
        if (!strcmp(propagation_words[i].word, word))
            return propagation_words[i].propagation;
    return 0;
}

static void add_attribute(uint64_t *set, uint64_t *clear, const struct attribute_word *word)
{
    /* The last of several contradicting words counts. */
    *set = (*set & ~(word->set | word->clear)) | word->set;
    *clear = (*clear & ~word->set) | word->clear;
}

/* True if the word is about the mount, not the file system on it. */
static bool read_mount_word(struct mount_options *options, const char *word)
{
    const struct attribute_word *attribute = find_attribute(word);
    const struct attribute_word *recursive = word[0] == 'r' ? find_attribute(word + 1) : NULL;
    if (attribute)
        add_attribute(&options->set, &options->clear, attribute);
    else if (recursive)
        add_attribute(&options->recursive_set, &options->recursive_clear, recursive);
    else if (find_propagation(word))
        options->propagation = find_propagation(word);
    else if (word[0] == 'r' && find_propagation(word + 1))
        options->recursive_propagation = find_propagation(word + 1);
    else if (!strcmp(word, "bind"))
        options->bind = true;
    else if (!strcmp(word, "rbind"))
        options->bind = options->recursive_bind = true;
    else
        return false;
    return true;
}

static bool means_nothing(const char *word)
{
    static const char *const words[] = {"",     "defaults", "async",     "silent",
                                        "loud", "nomand",   "nolazytime"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcmp(words[i], word))
            return true;
    return starts_with(word, "x-");
}

int mount_options_read(struct mount_options *options, const struct strings *words,
                       struct arena *arena, struct error *e)
{
    *options = (struct mount_options){0};
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        if (!strcmp(word, "tmpcopyup") || !strcmp(word, "idmap") || !strcmp(word, "ridmap"))
            return fail(e, ENOTSUP, "mount option %s is not supported", word);
        if (!means_nothing(word) && !read_mount_word(options, word))
            vec_add(arena, &options->data, word);
    }
    return 0;
}
