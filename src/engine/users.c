#include "engine/users.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

/* The file as the container would see it; "" where it has none. */
static char *read_in_root(int rootfs, const char *path, struct arena *arena)
{
    struct error ignored = {0};
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    AUTO_CLOSE int fd = (int)syscall(SYS_openat2, rootfs, path, &how, sizeof(how));
    char *text = fd < 0 ? NULL : read_fd_whole(fd, arena, NULL, &ignored);
    return text ? text : arena_strdup(arena, "");
}

/* Splits `line` at colons into `count` fields; missing ones are "". */
static void split(char *line, const char *fields[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *field = line ? strsep(&line, ":") : NULL;
        fields[i] = field ? field : "";
    }
}

static bool parse_id(const char *text, unsigned *id)
{
    uint64_t value;
    if (!parse_u64(text, 10, &value) || value > 0xfffffffeu)
        return false;
    *id = (unsigned)value;
    return true;
}

/* Finds a line of passwd by name or number. */
static bool find_user(struct user *user, const char **name, const char *wanted, char *passwd,
                      struct arena *arena)
{
    unsigned number = 0, uid, gid;
    bool by_number = parse_id(wanted, &number);
    for (char *line; (line = strsep(&passwd, "\n"));) {
        const char *fields[7];
        split(line, fields, 7);
        if (!parse_id(fields[2], &uid) || !parse_id(fields[3], &gid))
            continue;
        if (strcmp(fields[0], wanted) != 0 && !(by_number && uid == number))
            continue;
        user->uid = uid;
        user->gid = gid;
        *name = arena_strdup(arena, fields[0]);
        if (*fields[5])
            user->home = arena_strdup(arena, fields[5]);
        return true;
    }
    user->uid = number;
    return by_number;
}

static void add_group(struct user *user, struct arena *arena, gid_t gid)
{
    for (size_t i = 0; i < user->groups_count; i++) {
        if (user->groups[i] == gid)
            return;
    }
    gid_t *slot = arena_grow_(arena, (void **)&user->groups, &user->groups_count,
                              &user->groups_capacity, sizeof(gid_t));
    *slot = gid;
}

static bool lists_member(const char *members, const char *name)
{
    size_t length = strlen(name);
    for (;; members++) {
        size_t size = strcspn(members, ",");
        if (size == length && memcmp(members, name, length) == 0)
            return true;
        members += size;
        if (!*members)
            return false;
    }
}

/* Goes through group: the group asked for, or all that `name` is a member of. */
static bool read_groups(struct user *user, const char *wanted, const char *name, char *group,
                        struct arena *arena)
{
    unsigned number = 0, gid;
    bool found = wanted && parse_id(wanted, &number);
    if (found)
        user->gid = number;
    for (char *line; (line = strsep(&group, "\n"));) {
        const char *fields[4];
        split(line, fields, 4);
        if (!parse_id(fields[2], &gid))
            continue;
        if (wanted && strcmp(fields[0], wanted) == 0) {
            user->gid = gid;
            return true;
        }
        if (!wanted && name && lists_member(fields[3], name))
            add_group(user, arena, gid);
    }
    return found || !wanted;
}

int user_resolve(struct user *user, int rootfs, const char *text, struct arena *arena,
                 struct error *e)
{
    const char *name = NULL;
    char *wanted = arena_strdup(arena, *text ? text : "0");
    char *group = strchr(wanted, ':');
    if (group)
        *group++ = 0;
    if (!*wanted)
        wanted = arena_strdup(arena, "0");
    *user = (struct user){.home = "/"};
    if (!find_user(user, &name, wanted, read_in_root(rootfs, "etc/passwd", arena), arena))
        return fail(e, EINVAL, "unable to find user %s: no matching entries in passwd file",
                    wanted);
    if (group && !*group)
        group = NULL;
    if (!read_groups(user, group, name, read_in_root(rootfs, "etc/group", arena), arena))
        return fail(e, EINVAL, "unable to find group %s: no matching entries in group file", group);
    return 0;
}
