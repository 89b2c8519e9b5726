#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "objects/namespace_kinds.h"

/* /proc/sys shows the values of the namespace that its reader is in. */
static int open_sysctls(struct error *e)
{
    int sys = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return sys < 0 ? fail_errno(e, "/proc/sys") : sys;
}

/* A sysctl of one number: where it is, and its field in the image. */
struct ipc_sysctl {
    const char *path;
    size_t offset;
    size_t present; /* offset of the field's has_..., 0: required */
    bool wide;      /* 64 bits */
};

#define NUMBER(path, field)                                                                        \
    {                                                                                              \
        path, offsetof(IpcVarEntry, field), 0, false                                               \
    }
#define WIDE(path, field)                                                                          \
    {                                                                                              \
        path, offsetof(IpcVarEntry, field), 0, true                                                \
    }
#define OPTIONAL(path, field)                                                                      \
    {                                                                                              \
        path, offsetof(IpcVarEntry, field), offsetof(IpcVarEntry, has_##field), false              \
    }

static const struct ipc_sysctl sysctls[] = {
    NUMBER("kernel/msgmax", msg_ctlmax),
    NUMBER("kernel/msgmnb", msg_ctlmnb),
    NUMBER("kernel/msgmni", msg_ctlmni),
    WIDE("kernel/shmmax", shm_ctlmax),
    WIDE("kernel/shmall", shm_ctlall),
    NUMBER("kernel/shmmni", shm_ctlmni),
    /* From here on there is no system call that tells the value. */
    NUMBER("kernel/shm_rmid_forced", shm_rmid_forced),
    NUMBER("fs/mqueue/queues_max", mq_queues_max),
    NUMBER("fs/mqueue/msg_max", mq_msg_max),
    NUMBER("fs/mqueue/msgsize_max", mq_msgsize_max),
    OPTIONAL("fs/mqueue/msg_default", mq_msg_default),
    OPTIONAL("fs/mqueue/msgsize_default", mq_msgsize_default),
};
enum { SYSCTLS = sizeof(sysctls) / sizeof(sysctls[0]), FIRST_TO_READ = 6, SEM_VALUES = 4 };

static int read_text(int sys, const char *path, char *text, size_t size, struct error *e)
{
    AUTO_CLOSE int fd = openat(sys, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (got < 0)
        return fail_errno(e, "sysctl %s", path);
    text[got] = 0;
    return 0;
}

static int read_sysctl(int sys, const struct ipc_sysctl *sysctl, IpcVarEntry *entry,
                       struct error *e)
{
    char text[64], *field = (char *)entry + sysctl->offset;
    if (read_text(sys, sysctl->path, text, sizeof(text), e) < 0)
        return -1;
    uint64_t value = strtoull(text, NULL, 10);
    uint32_t narrow = (uint32_t)value;
    memcpy(field, sysctl->wide ? (void *)&value : (void *)&narrow, sysctl->wide ? 8 : 4);
    if (sysctl->present)
        *(protobuf_c_boolean *)((char *)entry + sysctl->present) = true;
    return 0;
}

/* semctl(2) wants it of its callers. */
union semun {
    int val;
    struct seminfo *info;
};

/* msgctl(2), semctl(2), shmctl(2): IPC_INFO costs a tenth of reading files. */
static int ask_limits(IpcVarEntry *entry, struct error *e)
{
    struct msginfo msg;
    struct seminfo sem;
    struct shminfo shm;
    if (msgctl(0, IPC_INFO, (struct msqid_ds *)&msg) < 0 ||
        semctl(0, 0, IPC_INFO, (union semun){.info = &sem}) < 0 ||
        shmctl(0, IPC_INFO, (struct shmid_ds *)&shm) < 0)
        return fail_errno(e, "cannot ask for limits of System V IPC");
    entry->msg_ctlmax = (uint32_t)msg.msgmax;
    entry->msg_ctlmnb = (uint32_t)msg.msgmnb;
    entry->msg_ctlmni = (uint32_t)msg.msgmni;
    entry->shm_ctlmax = shm.shmmax;
    entry->shm_ctlall = shm.shmall;
    entry->shm_ctlmni = (uint32_t)shm.shmmni;
    const int sem_values[SEM_VALUES] = {sem.semmsl, sem.semmns, sem.semopm, sem.semmni};
    for (int i = 0; i < SEM_VALUES; i++)
        entry->sem_ctls[i] = (uint32_t)sem_values[i];
    return 0;
}

/* The values of the namespace that the caller is in. entry->sem_ctls has room for them. */
static int read_variables(int sys, IpcVarEntry *entry, struct error *e)
{
    if (ask_limits(entry, e) < 0)
        return -1;
    for (int i = FIRST_TO_READ; i < SYSCTLS; i++)
        if (read_sysctl(sys, &sysctls[i], entry, e) < 0)
            return -1;
    return 0;
}

static uint64_t value_of(const struct ipc_sysctl *sysctl, const IpcVarEntry *entry)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)entry + sysctl->offset, sysctl->wide ? 8 : 4);
    return value;
}

static int write_sysctl(int sys, const struct ipc_sysctl *sysctl, const IpcVarEntry *wanted,
                        const IpcVarEntry *present, struct error *e)
{
    char text[32];
    uint64_t value = value_of(sysctl, wanted);
    if (value == value_of(sysctl, present) ||
        (sysctl->present && !*(const protobuf_c_boolean *)((const char *)wanted + sysctl->present)))
        return 0;
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return write_string_at(sys, sysctl->path, text, e);
}

static int write_semaphore_limits(int sys, const IpcVarEntry *wanted, const IpcVarEntry *present,
                                  struct error *e)
{
    char text[64];
    const uint32_t *value = wanted->sem_ctls;
    if (wanted->n_sem_ctls != SEM_VALUES)
        return fail(e, EBADMSG, "image has %zu semaphore limits", wanted->n_sem_ctls);
    if (!memcmp(value, present->sem_ctls, SEM_VALUES * sizeof(*value)))
        return 0;
    snprintf(text, sizeof(text), "%u %u %u %u", value[0], value[1], value[2], value[3]);
    return write_string_at(sys, "kernel/sem", text, e);
}

/* The first line of /proc/sysvipc files is a heading: an object makes a second one. */
static int refuse_system_v_objects(struct error *e)
{
    static const char *const files[][2] = {{"/proc/sysvipc/shm", "shared memory segment"},
                                           {"/proc/sysvipc/msg", "message queue"},
                                           {"/proc/sysvipc/sem", "semaphore set"}};
    for (int i = 0; i < 3; i++) {
        char text[1024] = "";
        if (read_text(AT_FDCWD, files[i][0], text, sizeof(text), e) < 0)
            return -1;
        int key, id;
        const char *line = strchr(text, '\n');
        if (line && sscanf(line + 1, "%d %d", &key, &id) == 2)
            return fail(e, ENOTSUP, "System V %s %d (key 0x%x): not supported", files[i][1], id,
                        (unsigned)key);
    }
    return 0;
}

static int save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    uint32_t semaphores[SEM_VALUES];
    IpcVarEntry entry = IPC_VAR_ENTRY__INIT;
    entry.sem_ctls = semaphores;
    entry.n_sem_ctls = SEM_VALUES;
    AUTO_CLOSE int sys = open_sysctls(e);
    if (sys < 0 || refuse_system_v_objects(e) < 0 || read_variables(sys, &entry, e) < 0)
        return -1;
    return image_write_one(dump->images, IMAGE_IPC_VAR, ns->id, &entry.base, e);
}

static int refuse_image_of(struct restore *restore, enum image_kind kind, const char *what,
                           uint32_t id, const ProtobufCMessageDescriptor *descriptor,
                           struct error *e)
{
    struct error absent = {0};
    struct image_reader *reader =
        image_open(restore->arena, restore->images_dir, kind, id, &absent);
    if (!reader && absent.code == ENOENT)
        return 0;
    if (!reader)
        return fail(e, absent.code, "%s", absent.text);
    *e = (struct error){0};
    if (image_next(reader, descriptor, e))
        return fail(e, ENOTSUP, "System V %s: not supported", what);
    return e->code ? -1 : 0;
}

static int fill_variables(struct restore *restore, uint32_t id, struct error *e)
{
    uint32_t semaphores[SEM_VALUES];
    IpcVarEntry present = IPC_VAR_ENTRY__INIT;
    present.sem_ctls = semaphores;
    const IpcVarEntry *wanted = image_read_one(restore->arena, restore->images_dir, IMAGE_IPC_VAR,
                                               id, &ipc_var_entry__descriptor, e);
    AUTO_CLOSE int sys = wanted ? open_sysctls(e) : -1;
    if (sys < 0 || read_variables(sys, &present, e) < 0 ||
        write_semaphore_limits(sys, wanted, &present, e) < 0)
        return -1;
    for (int i = 0; i < SYSCTLS; i++)
        if (write_sysctl(sys, &sysctls[i], wanted, &present, e) < 0)
            return -1;
    return 0;
}

static int fill(struct restore *restore, uint32_t id, struct error *e)
{
    if (refuse_image_of(restore, IMAGE_IPCNS_SHM, "shared memory", id, &ipc_shm_entry__descriptor,
                        e) < 0 ||
        refuse_image_of(restore, IMAGE_IPCNS_MSG, "message queues", id, &ipc_msg_entry__descriptor,
                        e) < 0 ||
        refuse_image_of(restore, IMAGE_IPCNS_SEM, "semaphores", id, &ipc_sem_entry__descriptor, e) <
            0)
        return -1;
    return fill_variables(restore, id, e);
}

const struct namespace_kind ipc_namespace_kind = {.type = NS_IPC,
                                                  .proc_name = "ipc",
                                                  .clone_flag = CLONE_NEWIPC,
                                                  .saved_inside = true,
                                                  .save = save,
                                                  .fill = fill};
