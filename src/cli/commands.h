/* Every command, each defined in the file that is named in the comment. */
#ifndef STASIS_CLI_COMMANDS_H
#define STASIS_CLI_COMMANDS_H

#include "cli/command.h"

/* attach.c, create.c, daemon.c, exec.c, list.c, logs.c, run.c, start.c, top.c */
extern const struct command attach_command, create_command, daemon_command, exec_command,
    list_command, logs_command, run_command, start_command, top_command;
/* checkpoint.c */
extern const struct command checkpoint_command, restore_command;
/* completion.c */
extern const struct command completion_command;
/* images.c, image_files.c */
extern const struct command images_command, image_history_command, image_remove_command,
    image_tag_command;
extern const struct command image_busybox_command, image_import_command, image_load_command,
    image_save_command;
/* inspect.c */
extern const struct command inspect_command, container_inspect_command, image_inspect_command;
/* lifecycle.c */
extern const struct command kill_command, pause_command, remove_command, rename_command,
    restart_command, stop_command, unpause_command, wait_command;
/* system.c */
extern const struct command info_command, version_command;
/* volumes.c */
extern const struct command volume_command;

#define FORMAT_HELP                                                                                \
    "Format output using a custom template:\n"                                                     \
    "'table':            Print output in table format with column headers (default)\n"             \
    "'table TEMPLATE':   Print output in table format using the given Go template\n"               \
    "'json':             Print in JSON format\n"                                                   \
    "'TEMPLATE':         Print output using the given Go template."
#define OBJECT_FORMAT_HELP                                                                         \
    "Format output using a custom template:\n"                                                     \
    "'json':             Print in JSON format\n"                                                   \
    "'TEMPLATE':         Print output using the given Go template."

#endif
