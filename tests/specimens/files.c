/* Regular files: offsets, flags, what dup and fork share and what a second open does not. */
#include "specimen.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int file, duplicate, apart, appending, high, unwritable, beyond;

static off_t offset_of(int fd)
{
    return lseek(fd, 0, SEEK_CUR);
}

/* The child moves the offset that it shares with its parent. */
static void share(void *nothing)
{
    (void)nothing;
    specimen_wait_told();
    specimen_wait_mark("parent checked");
    DEMAND(offset_of(file) == 6);
    DEMAND(lseek(file, 3, SEEK_SET) == 3);
}

int main(void)
{
    MUST((file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0640)) >= 0);
    MUST(write(file, "0123456789", 10) == 10);
    MUST((duplicate = fcntl(file, F_DUPFD_CLOEXEC, 40)) == 40);
    MUST((apart = open("file", O_RDONLY | O_NOATIME)) >= 0);
    MUST((appending = open("log", O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0600)) >= 0);
    MUST(write(appending, "one ", 4) == 4);
    MUST((high = dup2(apart, 1000)) == 1000);
    MUST((unwritable = open("/etc/passwd", O_RDONLY)) >= 0);
    MUST((beyond = open("sparse", O_RDWR | O_CREAT, 0600)) >= 0);
    MUST(lseek(beyond, 1LL << 33, SEEK_SET) == 1LL << 33);
    MUST(lseek(file, 6, SEEK_SET) == 6 && lseek(apart, 2, SEEK_SET) == 2);
    MUST(fcntl(appending, F_SETOWN, getpid()) == 0 && fcntl(appending, F_SETSIG, 34) == 0);
    int flags[] = {fcntl(file, F_GETFL), fcntl(apart, F_GETFL), fcntl(appending, F_GETFL)};
    pid_t child = specimen_fork(share, NULL);

    specimen_ready();

    char byte = 0;
    DEMAND(offset_of(file) == 6 && offset_of(duplicate) == 6 && offset_of(apart) == 2);
    DEMAND(offset_of(beyond) == 1LL << 33);
    DEMAND(fcntl(file, F_GETFL) == flags[0] && fcntl(apart, F_GETFL) == flags[1]);
    DEMAND(fcntl(appending, F_GETFL) == flags[2]);
    DEMAND(fcntl(file, F_GETFD) == 0 && fcntl(duplicate, F_GETFD) == FD_CLOEXEC);
    DEMAND(read(high, &byte, 1) == 1 && byte == '2' && offset_of(apart) == 3);
    DEMAND(fcntl(appending, F_GETOWN) == getpid() && fcntl(appending, F_GETSIG) == 34);
    DEMAND(lseek(appending, 0, SEEK_SET) == 0 && write(appending, "two", 3) == 3);
    DEMAND(offset_of(appending) == 7);
    DEMAND(write(unwritable, "x", 1) < 0);
    specimen_leave_mark("parent checked");
    specimen_join(child);
    DEMAND(offset_of(file) == 3 && offset_of(duplicate) == 3);
    specimen_end();
}
