/* Numbers in CRIU's messages that have names but no enum of the schema. */
#ifndef STASIS_IMAGE_VALUES_H
#define STASIS_IMAGE_VALUES_H

/* TaskCoreEntry.task_state; a zombie is a dead task. */
enum task_state { TASK_ALIVE = 1, TASK_DEAD = 2, TASK_STOPPED = 3 };

/* Bits of VmaEntry.status. */
enum mapping_status {
    MAPPING_REGULAR = 1 << 0,
    MAPPING_VSYSCALL = 1 << 2,
    MAPPING_VDSO = 1 << 3,
    MAPPING_HEAP = 1 << 5,
    MAPPING_FILE_PRIVATE = 1 << 6,
    MAPPING_FILE_SHARED = 1 << 7,
    MAPPING_ANON_SHARED = 1 << 8,
    MAPPING_ANON_PRIVATE = 1 << 9,
    MAPPING_VVAR = 1 << 12,
    MAPPING_KNOWN = 0x13ef, /* all of these, with STACK, and what says where memory is from */
};

#endif
