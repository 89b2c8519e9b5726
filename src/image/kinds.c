#include "image/kinds.h"

static const struct image_format formats[IMAGE_KINDS] = {
    [IMAGE_INVENTORY] = {"inventory.img", 0, 0x58313116},
    [IMAGE_PSTREE] = {"pstree.img", IMG_COMMON_MAGIC, 0x50273030},
    [IMAGE_CORE] = {"core-%u.img", IMG_COMMON_MAGIC, 0x55053847},
    [IMAGE_IDS] = {"ids-%u.img", IMG_COMMON_MAGIC, 0x54432030},
    [IMAGE_MM] = {"mm-%u.img", IMG_COMMON_MAGIC, 0x57492820},
    [IMAGE_FS] = {"fs-%u.img", IMG_COMMON_MAGIC, 0x51403912},
    [IMAGE_PAGEMAP] = {"pagemap-%u.img", IMG_COMMON_MAGIC, 0x56084025},
    [IMAGE_SHMEM_PAGEMAP] = {"pagemap-shmem-%u.img", IMG_COMMON_MAGIC, 0x56084025},
    [IMAGE_FDINFO] = {"fdinfo-%u.img", IMG_COMMON_MAGIC, 0x56213732},
    [IMAGE_FILES] = {"files.img", IMG_COMMON_MAGIC, 0x56303138},
    [IMAGE_PIPES_DATA] = {"pipes-data.img", IMG_COMMON_MAGIC, 0x56453709},
    [IMAGE_FIFO_DATA] = {"fifo-data.img", IMG_COMMON_MAGIC, 0x59333054},
    [IMAGE_SECCOMP] = {"seccomp.img", IMG_COMMON_MAGIC, 0x64413049},
    [IMAGE_REMAP_FPATH] = {"remap-fpath.img", IMG_COMMON_MAGIC, 0x59133954},
    [IMAGE_GHOST_FILE] = {"ghost-file-%x.img", IMG_COMMON_MAGIC, 0x52583605},
    [IMAGE_MEMFD_INODE] = {"memfd.img", IMG_COMMON_MAGIC, 0x48453499},
    [IMAGE_TTY_INFO] = {"tty-info.img", IMG_COMMON_MAGIC, 0x59453036},
    [IMAGE_CGROUP] = {"cgroup.img", IMG_COMMON_MAGIC, 0x59383330},
    [IMAGE_TIMENS] = {"timens-%u.img", IMG_COMMON_MAGIC, 0x43114433},
    [IMAGE_PIDNS] = {"pidns-%u.img", IMG_COMMON_MAGIC, 0x61157326},
    [IMAGE_UTSNS] = {"utsns-%u.img", IMG_COMMON_MAGIC, 0x54473203},
    [IMAGE_IPC_VAR] = {"ipcns-var-%u.img", IMG_COMMON_MAGIC, 0x53115007},
    [IMAGE_IPCNS_SHM] = {"ipcns-shm-%u.img", IMG_COMMON_MAGIC, 0x46283044},
    [IMAGE_IPCNS_MSG] = {"ipcns-msg-%u.img", IMG_COMMON_MAGIC, 0x55453737},
    [IMAGE_IPCNS_SEM] = {"ipcns-sem-%u.img", IMG_COMMON_MAGIC, 0x59573019},
    [IMAGE_MNTS] = {"mountpoints-%u.img", IMG_COMMON_MAGIC, 0x55563928},
    [IMAGE_NETDEV] = {"netdev-%u.img", IMG_COMMON_MAGIC, 0x57373951},
    [IMAGE_NETNS] = {"netns-%u.img", IMG_COMMON_MAGIC, 0x55933752},
    [IMAGE_USERNS] = {"userns-%u.img", IMG_COMMON_MAGIC, 0x55474906},
    [IMAGE_STATS_DUMP] = {"stats-dump", IMG_SERVICE_MAGIC, 0x57093306},
    [IMAGE_STATS_RESTORE] = {"stats-restore", IMG_SERVICE_MAGIC, 0x57093306},
};

const struct image_format *image_format_of(enum image_kind kind)
{
    return &formats[kind];
}

char *image_name(struct arena *arena, enum image_kind kind, uint32_t id)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return arena_printf(arena, formats[kind].name, id);
#pragma GCC diagnostic pop
}
