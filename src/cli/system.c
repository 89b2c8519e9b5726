/* info and version. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/containers.h"
#include "cli/format.h"
#include "cli/human.h"

struct format_options {
    const char *format;
};

static const struct option format_options[] = {
    OPTION(struct format_options, format, 'f', "format", "string", OBJECT_FORMAT_HELP),
    OPTIONS_END};

static void print_text(const json_t *info, const char *label, const char *key)
{
    if (*json_text(info, key))
        printf(" %s: %s\n", label, json_text(info, key));
}

static void print_number(const json_t *info, const char *label, const char *key)
{
    if (json_object_get(info, key))
        printf(" %s: %lld\n", label, json_number(info, key));
}

static void print_truth(const json_t *info, const char *label, const char *key)
{
    printf(" %s: %s\n", label, json_is_true(json_object_get(info, key)) ? "true" : "false");
}

static void print_driver_status(const json_t *info)
{
    size_t i;
    json_t *pair;
    json_array_foreach (json_object_get(info, "DriverStatus"), i, pair) {
        const char *key = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));
        if (key && value)
            printf("  %s: %s\n", key, value);
    }
}

/* "name=seccomp,profile=default" is shown as a name with its properties below it. */
static void print_security_options(struct cli *cli, const json_t *info)
{
    size_t i;
    json_t *option;
    if (json_array_size(json_object_get(info, "SecurityOptions")) > 0)
        puts(" Security Options:");
    json_array_foreach (json_object_get(info, "SecurityOptions"), i, option) {
        char *rest = arena_strdup(cli->arena, json_string_value(option));
        for (char *part; (part = strsep(&rest, ","));) {
            char *value = strchr(part, '=');
            if (value)
                *value++ = 0;
            if (strcmp(part, "name") == 0)
                printf("  %s\n", value ? value : "");
            else if (strcmp(part, "profile") == 0)
                printf("   Profile: %s\n", value ? value : "");
        }
    }
}

static void print_server_info(struct cli *cli, const json_t *info)
{
    print_number(info, "Containers", "Containers");
    print_number(info, " Running", "ContainersRunning");
    print_number(info, " Paused", "ContainersPaused");
    print_number(info, " Stopped", "ContainersStopped");
    print_number(info, "Images", "Images");
    print_text(info, "Server Version", "ServerVersion");
    print_text(info, "Storage Driver", "Driver");
    print_driver_status(info);
    print_text(info, "Logging Driver", "LoggingDriver");
    print_text(info, "Cgroup Driver", "CgroupDriver");
    print_text(info, "Cgroup Version", "CgroupVersion");
    print_text(info, "Default Runtime", "DefaultRuntime");
    print_security_options(cli, info);
    print_text(info, "Kernel Version", "KernelVersion");
    print_text(info, "Operating System", "OperatingSystem");
    print_text(info, "OSType", "OSType");
    print_text(info, "Architecture", "Architecture");
    print_number(info, "CPUs", "NCPU");
    printf(" Total Memory: %s\n",
           human_binary_size(cli->arena, (double)json_number(info, "MemTotal")));
    print_text(info, "Name", "Name");
    print_text(info, "ID", "ID");
    print_text(info, "Docker Root Dir", "DockerRootDir");
    print_truth(info, "Debug Mode", "Debug");
    print_truth(info, "Experimental", "ExperimentalBuild");
    print_truth(info, "Live Restore Enabled", "LiveRestoreEnabled");
    size_t i;
    json_t *warning;
    json_array_foreach (json_object_get(info, "Warnings"), i, warning)
        fprintf(stderr, "%s\n", json_string_value(warning));
}

static int run_info(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    const struct format_options *options = values;
    json_auto_t *info = NULL;
    if (ask(cli, "GET", "/info", NULL, &info, e) < 0)
        return -1;
    if (options->format)
        return print_object(cli, options->format, info, e);
    printf("Client:\n Version:    %s\n Debug Mode: %s\n\nServer:\n", STASIS_VERSION,
           cli->debug ? "true" : "false");
    print_server_info(cli, info);
    return 0;
}

const struct command info_command = {.usage = "[OPTIONS]",
                                     .summary = "Display system-wide information",
                                     .options = format_options,
                                     .values_size = sizeof(struct format_options),
                                     .run = run_info};

#define API_VERSION "1.43"

static json_t *client_version(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "Version", STASIS_VERSION, "ApiVersion",
                     API_VERSION, "DefaultAPIVersion", API_VERSION, "Os", "linux", "Arch", "amd64");
}

static void print_client_version(const json_t *client)
{
    printf("Client: Stasis\n %-18s%s\n %-18s%s\n %-18s%s/%s\n",
           "Version:", json_text(client, "Version"),
           "API version:", json_text(client, "ApiVersion"), "OS/Arch:", json_text(client, "Os"),
           json_text(client, "Arch"));
}

static void print_server_version(const json_t *server)
{
    const char *platform = json_text(json_object_get(server, "Platform"), "Name");
    printf("\nServer:%s%s\n Engine:\n", *platform ? " " : "", platform);
    printf("  %-17s%s\n", "Version:", json_text(server, "Version"));
    printf("  %-17s%s (minimum version %s)\n", "API version:", json_text(server, "ApiVersion"),
           json_text(server, "MinAPIVersion"));
    printf("  %-17s%s/%s\n", "OS/Arch:", json_text(server, "Os"), json_text(server, "Arch"));
    printf("  %-17s%s\n", "Kernel version:", json_text(server, "KernelVersion"));
    printf("  %-17s%s\n", "Experimental:",
           json_is_true(json_object_get(server, "Experimental")) ? "true" : "false");
}

/* The client's half is shown also when no engine answers. */
static int run_version(struct cli *cli, const void *values, struct words words, struct error *e)
{
    (void)words;
    const struct format_options *options = values;
    json_t *server = NULL;
    json_auto_t *both = json_pack("{s:o}", "Client", client_version());
    int result = ask(cli, "GET", "/version", NULL, &server, e);
    json_object_set_new(both, "Server", result < 0 ? json_null() : server);
    if (options->format)
        return result < 0 ? -1 : print_object(cli, options->format, both, e);
    print_client_version(json_object_get(both, "Client"));
    if (result < 0)
        return -1;
    print_server_version(server);
    return 0;
}

const struct command version_command = {.usage = "[OPTIONS]",
                                        .summary = "Show the version information",
                                        .options = format_options,
                                        .values_size = sizeof(struct format_options),
                                        .run = run_version};
