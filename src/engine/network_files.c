#include "engine/network_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

static int write_file(struct container *container, const char *name, const char *text,
                      struct error *e)
{
    return replace_file_at(container->dir, name, text, strlen(text), 0644, e);
}

static bool shares_host_network(const struct container *container)
{
    json_t *host_config = json_object_get(container->config, "HostConfig");
    return strcmp(json_text(host_config, "NetworkMode"), "host") == 0;
}

/* HostConfig.ExtraHosts are "name:address"; an address may hold colons itself. */
static char *extra_hosts(const struct container *container, struct arena *arena)
{
    char *text = arena_strdup(arena, "");
    json_t *host_config = json_object_get(container->config, "HostConfig"), *host;
    size_t i;
    json_array_foreach (json_object_get(host_config, "ExtraHosts"), i, host) {
        const char *given = json_string_value(host), *colon = given ? strchr(given, ':') : NULL;
        if (colon && !strchr(given, '\n'))
            text =
                arena_printf(arena, "%s%s\t%.*s\n", text, colon + 1, (int)(colon - given), given);
    }
    return text;
}

static int write_hosts(struct container *container, struct arena *arena, const char *hostname,
                       struct error *e)
{
    struct error ignored = {0};
    const char *base = "127.0.0.1\tlocalhost\n"
                       "::1\tlocalhost ip6-localhost ip6-loopback\n"
                       "fe00::0\tip6-localnet\n"
                       "ff00::0\tip6-mcastprefix\n"
                       "ff02::1\tip6-allnodes\n"
                       "ff02::2\tip6-allrouters\n";
    if (shares_host_network(container)) {
        const char *of_host = read_file_at(AT_FDCWD, "/etc/hosts", arena, NULL, &ignored);
        base = of_host ? of_host : base;
    } else {
        base = arena_printf(arena, "%s127.0.0.1\t%s\n", base, hostname);
    }
    return write_file(container, "hosts",
                      arena_printf(arena, "%s%s", base, extra_hosts(container, arena)), e);
}

static char *dns_lines(const struct container *container, struct arena *arena)
{
    static const char *const kinds[][2] = {
        {"Dns", "nameserver"}, {"DnsSearch", "search"}, {"DnsOptions", "options"}};
    char *text = arena_strdup(arena, "");
    json_t *host_config = json_object_get(container->config, "HostConfig"), *value;
    for (size_t k = 0; k < 3; k++) {
        size_t i;
        json_array_foreach (json_object_get(host_config, kinds[k][0]), i, value) {
            const char *given = json_string_value(value);
            if (given && !strchr(given, '\n'))
                text = arena_printf(arena, "%s%s %s\n", text, kinds[k][1], given);
        }
    }
    return text;
}

int network_files_write(struct container *container, struct error *e)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error ignored = {0};
    json_t *config = json_object_get(container->config, "Config");
    const char *hostname = json_text(config, "Hostname");
    const char *resolver = dns_lines(container, arena);
    if (!*resolver)
        resolver = read_file_at(AT_FDCWD, "/etc/resolv.conf", arena, NULL, &ignored);
    if (write_file(container, "hostname", arena_printf(arena, "%s\n", hostname), e) < 0 ||
        write_hosts(container, arena, hostname, e) < 0)
        return -1;
    return write_file(container, "resolv.conf", resolver ? resolver : "", e);
}

void network_files_append_mounts(const struct container *container, json_t *mounts)
{
    static const char *const names[] = {"resolv.conf", "hostname", "hosts"};
    AUTO_ARENA struct arena *arena = arena_new();
    for (size_t i = 0; i < 3; i++) {
        json_array_append_new(mounts,
                              json_pack("{s:s, s:s, s:s, s:[s, s, s]}", "destination",
                                        arena_printf(arena, "/etc/%s", names[i]), "type", "bind",
                                        "source", container_path(container, arena, names[i]),
                                        "options", "rbind", "rw", "rprivate"));
    }
}
