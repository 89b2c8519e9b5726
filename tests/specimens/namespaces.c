/* Inside namespaces of a container (see enter.c): names, mounts, loopback, what a tmpfs holds. On
 * the host it looks at the names only. */
#include "specimen.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static bool loopback_is_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
    close(fd);
    return up;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    MUST(fd >= 0 && write(fd, text, strlen(text)) > 0 && close(fd) == 0);
}

int main(void)
{
    struct utsname before, after;
    MUST(uname(&before) == 0);
    bool inside = strcmp(before.nodename, "specimen") == 0 && getppid() == 1;
    if (inside) {
        MUST(mkdir("/dev/shm", 01777) == 0);
        MUST(mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1m") == 0);
        write_file("/dev/shm/kept", "what is kept");
        MUST(mkdir("/dev/shm/deep", 0750) == 0 && symlink("../kept", "/dev/shm/deep/link") == 0);
        MUST(mount("/dev/shm/deep", "/dev/shm/deep", NULL, MS_BIND, NULL) == 0);
    }
    /* Without the ids that mountinfo has. */
    char *mounts = specimen_read("/proc/self/mounts");

    specimen_ready();

    DEMAND(uname(&after) == 0 && memcmp(&before, &after, sizeof(after)) == 0);
    specimen_demand_same("/proc/self/mounts", mounts);
    DEMAND(loopback_is_up());
    if (inside) {
        struct stat st;
        char *kept = specimen_read("/dev/shm/deep/link");
        DEMAND(getppid() == 1);
        DEMAND(kept && strcmp(kept, "what is kept") == 0);
        DEMAND(stat("/dev/shm/deep", &st) == 0 && (st.st_mode & 07777) == 0750);
    }
    specimen_end();
}
