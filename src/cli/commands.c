#include "cli/commands.h"

static const struct command_name container_group[] = {{"attach", &attach_command},
                                                      {"create", &create_command},
                                                      {"exec", &exec_command},
                                                      {"inspect", &container_inspect_command},
                                                      {"kill", &kill_command},
                                                      {"logs", &logs_command},
                                                      {"ls", &list_command},
                                                      {"list", &list_command},
                                                      {"ps", &list_command},
                                                      {"pause", &pause_command},
                                                      {"rename", &rename_command},
                                                      {"restart", &restart_command},
                                                      {"rm", &remove_command},
                                                      {"remove", &remove_command},
                                                      {"run", &run_command},
                                                      {"start", &start_command},
                                                      {"stop", &stop_command},
                                                      {"top", &top_command},
                                                      {"unpause", &unpause_command},
                                                      {"wait", &wait_command},
                                                      {0}};

static const struct command container_command = {.summary = "Manage containers",
                                                 .group = container_group};

static const struct command_name image_group[] = {
    {"busybox", &image_busybox_command}, {"history", &image_history_command},
    {"import", &image_import_command},   {"inspect", &image_inspect_command},
    {"load", &image_load_command},       {"ls", &images_command},
    {"list", &images_command},           {"rm", &image_remove_command},
    {"remove", &image_remove_command},   {"save", &image_save_command},
    {"tag", &image_tag_command},         {0}};

static const struct command image_command = {.summary = "Manage images", .group = image_group};

static const struct command_name system_group[] = {{"info", &info_command}, {0}};

static const struct command system_command = {.summary = "Manage Stasis", .group = system_group};

const struct command_name all_commands[] = {{"attach", &attach_command},
                                            {"checkpoint", &checkpoint_command},
                                            {"completion", &completion_command},
                                            {"container", &container_command},
                                            {"create", &create_command},
                                            {"daemon", &daemon_command},
                                            {"exec", &exec_command},
                                            {"history", &image_history_command},
                                            {"image", &image_command},
                                            {"images", &images_command},
                                            {"import", &image_import_command},
                                            {"info", &info_command},
                                            {"inspect", &inspect_command},
                                            {"kill", &kill_command},
                                            {"load", &image_load_command},
                                            {"logs", &logs_command},
                                            {"pause", &pause_command},
                                            {"ps", &list_command},
                                            {"rename", &rename_command},
                                            {"restart", &restart_command},
                                            {"restore", &restore_command},
                                            {"rm", &remove_command},
                                            {"rmi", &image_remove_command},
                                            {"run", &run_command},
                                            {"save", &image_save_command},
                                            {"start", &start_command},
                                            {"stop", &stop_command},
                                            {"system", &system_command},
                                            {"tag", &image_tag_command},
                                            {"top", &top_command},
                                            {"unpause", &unpause_command},
                                            {"version", &version_command},
                                            {"volume", &volume_command},
                                            {"wait", &wait_command},
                                            {0}};
