/* The processes of a container, from /proc. proc(5). */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "runtime/runtime.h"

/* What ps shows of one process. */
struct process_row {
    pid_t pid, parent;
    uid_t uid;
    char name[64];
    long long ticks, started; /* clock ticks used; ticks after boot */
    char tty[16];
    char state;
};

/* The name in parentheses may hold anything: what follows begins after the last one. */
static bool read_row(struct process_row *row, pid_t pid, struct arena *arena)
{
    struct error gone = {0};
    struct stat st;
    int terminal = 0;
    long long user = 0, system = 0;
    char *path = arena_printf(arena, "/proc/%d/stat", (int)pid);
    char *text = read_file_at(AT_FDCWD, path, arena, NULL, &gone);
    char *name = text ? strchr(text, '(') : NULL, *rest = text ? strrchr(text, ')') : NULL;
    if (!name || !rest || stat(path, &st) < 0)
        return false;
    *row = (struct process_row){.pid = pid, .uid = st.st_uid};
    snprintf(row->name, sizeof(row->name), "%.*s", (int)(rest - name - 1), name + 1);
    if (sscanf(rest + 2,
               "%c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d %*d %*d %*d %*d %lld",
               &row->state, &row->parent, &terminal, &user, &system, &row->started) < 6)
        return false;
    row->ticks = user + system;
    snprintf(row->tty, sizeof(row->tty), terminal ? "pts/%d" : "?", terminal & 0xff);
    return true;
}

static const char *command_line(const struct process_row *row, struct arena *arena)
{
    struct error gone = {0};
    size_t size = 0;
    char *text = read_file_at(AT_FDCWD, arena_printf(arena, "/proc/%d/cmdline", (int)row->pid),
                              arena, &size, &gone);
    if (!text || !size)
        return arena_printf(arena, "[%s]%s", row->name, row->state == 'Z' ? " <defunct>" : "");
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = text[i] ? text[i] : ' ';
    return text;
}

static time_t start_time(const struct process_row *row)
{
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return now.tv_sec - up.tv_sec + (time_t)(row->started / sysconf(_SC_CLK_TCK));
}

static const char *start_text(const struct process_row *row, struct arena *arena)
{
    char text[16];
    time_t started = start_time(row), now = time(NULL);
    struct tm parts;
    localtime_r(&started, &parts);
    strftime(text, sizeof(text), now - started < 86400 ? "%H:%M" : "%b%d", &parts);
    return arena_strdup(arena, text);
}

static const char *time_text(const struct process_row *row, struct arena *arena)
{
    long long seconds = row->ticks / sysconf(_SC_CLK_TCK);
    return arena_printf(arena, "%02lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
                        seconds % 60);
}

static int processor_share(const struct process_row *row)
{
    long long age = (long long)(time(NULL) - start_time(row));
    return age > 0 ? (int)(100 * row->ticks / sysconf(_SC_CLK_TCK) / age) : 0;
}

static json_t *row_ef(const struct process_row *row, const char *user, struct arena *arena)
{
    return json_pack("[s, s, s, s, s, s, s, s]", user, arena_printf(arena, "%d", (int)row->pid),
                     arena_printf(arena, "%d", (int)row->parent),
                     arena_printf(arena, "%d", processor_share(row)), start_text(row, arena),
                     row->tty, time_text(row, arena), command_line(row, arena));
}

/* Sizes in KiB. proc_pid_statm(5). */
static void read_sizes(const struct process_row *row, struct arena *arena, long long *size,
                       long long *resident)
{
    struct error gone = {0};
    char *text = read_file_at(AT_FDCWD, arena_printf(arena, "/proc/%d/statm", (int)row->pid), arena,
                              NULL, &gone);
    *size = *resident = 0;
    if (text && sscanf(text, "%lld %lld", size, resident) == 2) {
        *size *= sysconf(_SC_PAGESIZE) / 1024;
        *resident *= sysconf(_SC_PAGESIZE) / 1024;
    }
}

static json_t *row_aux(const struct process_row *row, const char *user, struct arena *arena)
{
    long long size, resident;
    read_sizes(row, arena, &size, &resident);
    return json_pack(
        "[s, s, s, s, s, s, s, s, s, s, s]", user, arena_printf(arena, "%d", (int)row->pid),
        arena_printf(arena, "%d.0", processor_share(row)), "0.0", arena_printf(arena, "%lld", size),
        arena_printf(arena, "%lld", resident), row->tty, arena_printf(arena, "%c", row->state),
        start_text(row, arena), time_text(row, arena), command_line(row, arena));
}

/* `-o pid,comm` and `-o pid -o comm`: any of these columns. */
static const char *column(const struct process_row *row, const char *name, const char *user,
                          const char **title, struct arena *arena)
{
    long long size, resident;
    struct {
        const char *name, *title, *value;
    } known[] = {
        {"pid", "PID", arena_printf(arena, "%d", (int)row->pid)},
        {"ppid", "PPID", arena_printf(arena, "%d", (int)row->parent)},
        {"user", "USER", user},
        {"uid", "UID", arena_printf(arena, "%d", (int)row->uid)},
        {"comm", "COMMAND", row->name},
        {"cmd", "CMD", NULL},
        {"args", "COMMAND", NULL},
        {"time", "TIME", time_text(row, arena)},
        {"tty", "TT", row->tty},
        {"stat", "STAT", arena_printf(arena, "%c", row->state)},
        {"rss", "RSS", "rss"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        *title = known[i].title;
        if (strcmp(name, "rss") == 0) {
            read_sizes(row, arena, &size, &resident);
            return arena_printf(arena, "%lld", resident);
        }
        return known[i].value ? arena_strdup(arena, known[i].value) : command_line(row, arena);
    }
    return NULL;
}

static json_t *row_chosen(const struct process_row *row, const char *names, const char *user,
                          json_t *titles, struct arena *arena)
{
    json_t *values = json_array();
    char *rest = arena_strdup(arena, names);
    json_array_clear(titles);
    for (char *name; (name = strsep(&rest, ", "));) {
        const char *title;
        if (!*name || strcmp(name, "-o") == 0)
            continue;
        const char *value = column(row, name, user, &title, arena);
        if (!value) {
            json_decref(values);
            return NULL;
        }
        json_array_append_new(titles, json_string(title));
        json_array_append_new(values, json_string(value));
    }
    return values;
}

static const char *user_name(uid_t uid, struct arena *arena)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
        return arena_strdup(arena, found->pw_name);
    return arena_printf(arena, "%d", (int)uid);
}

static int add_rows(json_t *rows, json_t *titles, const pid_t *pids, size_t count,
                    const char *ps_args, struct arena *arena, struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        struct process_row row;
        if (!read_row(&row, pids[i], arena))
            continue;
        const char *user = user_name(row.uid, arena);
        const char *columns = strncmp(ps_args, "-o", 2) == 0    ? ps_args + 2
                              : strncmp(ps_args, "-eo", 3) == 0 ? ps_args + 3
                                                                : NULL;
        json_t *values = columns                ? row_chosen(&row, columns, user, titles, arena)
                         : strchr(ps_args, 'u') ? row_aux(&row, user, arena)
                                                : row_ef(&row, user, arena);
        if (!values)
            return fail(e, EINVAL, "top: ps arguments '%.100s' are not supported", ps_args);
        json_array_append_new(rows, values);
    }
    return 0;
}

json_t *engine_container_top(struct engine *engine, const char *ref, const char *ps_args,
                             struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char cgroup[256];
    pid_t *pids = NULL;
    size_t count = 0;
    AUTO_CONTAINER struct container container;
    if (container_open(&container, engine, ref, e) < 0)
        return NULL;
    if (!container_is_running(&container)) {
        fail(e, EBUSY, "Container %s is not running", container.id);
        return NULL;
    }
    container_cgroup(&container, cgroup);
    if (runtime_cgroup_pids(cgroup, arena, &pids, &count, e) < 0)
        return NULL;
    ps_args = ps_args && *ps_args ? ps_args : "-ef";
    json_t *titles = strchr(ps_args, 'u') ? json_pack("[s, s, s, s, s, s, s, s, s, s, s]", "USER",
                                                      "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY",
                                                      "STAT", "START", "TIME", "COMMAND")
                                          : json_pack("[s, s, s, s, s, s, s, s]", "UID", "PID",
                                                      "PPID", "C", "STIME", "TTY", "TIME", "CMD");
    json_t *rows = json_array();
    json_auto_t *top = json_pack("{s:o, s:o}", "Titles", titles, "Processes", rows);
    return add_rows(rows, titles, pids, count, ps_args, arena, e) < 0 ? NULL : json_incref(top);
}
