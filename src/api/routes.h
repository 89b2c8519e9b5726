/* Every path of the API, and the handlers behind them. */
#ifndef STASIS_API_ROUTES_H
#define STASIS_API_ROUTES_H

#include "api/router.h"

/* Ends with an entry without a method. The first that fits answers. */
extern const struct route routes[];

/* system.c */
handler ping, show_version, show_info, show_disk_usage, follow_events, list_plugins;

/* containers.c */
handler create_container, list_containers, inspect_container, rename_container, show_processes,
    remove_container, prune_containers;

/* lifecycle.c */
handler start_container, stop_container, restart_container, kill_container, pause_container,
    unpause_container, resize_terminal;

/* streams.c */
handler wait_for_container, show_logs, attach_to_container;

/* exec.c */
handler create_exec, start_exec, inspect_exec;

/* checkpoints.c */
handler create_checkpoint, list_checkpoints, remove_checkpoint, checkpoint_as_in_1_10,
    restore_as_in_1_10;

/* images.c */
handler list_images, inspect_image, show_image_history, tag_image, remove_image, build_busybox;

/* image_files.c */
handler load_images, save_images, create_image;

/* networks.c, volumes.c */
handler list_networks, inspect_network;
handler list_volumes, create_volume, inspect_volume, remove_volume;

#endif
