/* Character devices that need nothing but to be opened again. */
#include "specimen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_device(int fd, unsigned int minor_wanted)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 &&
           minor(st.st_rdev) == minor_wanted;
}

int main(void)
{
    char byte = 1;
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    int full = open("/dev/full", O_WRONLY), random = open("/dev/urandom", O_RDONLY | O_NONBLOCK);
    MUST(null >= 0 && zero >= 0 && full >= 0 && random >= 0);

    specimen_ready();

    DEMAND(is_device(null, 3) && is_device(zero, 5) && is_device(full, 7) && is_device(random, 9));
    DEMAND(write(null, "x", 1) == 1 && read(null, &byte, 1) == 0);
    DEMAND(read(zero, &byte, 1) == 1 && byte == 0 && fcntl(zero, F_GETFD) == FD_CLOEXEC);
    DEMAND(write(full, "x", 1) < 0 && read(random, &byte, 1) == 1);
    DEMAND((fcntl(random, F_GETFL) & O_NONBLOCK) && (fcntl(null, F_GETFL) & O_ACCMODE) == O_RDWR);
    specimen_end();
}
