/* Open directories: what they are opened on, how far they are read, and the working directory. */
#include "specimen.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    char before[PATH_MAX], after[PATH_MAX];
    struct stat st;
    MUST(mkdir("d", 0755) == 0 && mkdir("d/deep", 0700) == 0 && mkdir("d/work", 0700) == 0);
    int fd = open("d", O_RDONLY | O_DIRECTORY);
    MUST(fd >= 0);
    DIR *dir = opendir("/");
    MUST(dir && readdir(dir) && readdir(dir));
    MUST(chdir("d/work") == 0 && getcwd(before, sizeof(before)));
    off_t offset = lseek(dirfd(dir), 0, SEEK_CUR);

    specimen_ready();

    DEMAND(getcwd(after, sizeof(after)) && strcmp(before, after) == 0);
    DEMAND(fstatat(fd, "deep", &st, 0) == 0 && S_ISDIR(st.st_mode));
    DEMAND(lseek(dirfd(dir), 0, SEEK_CUR) == offset);
    rewinddir(dir);
    DEMAND(readdir(dir));
    DEMAND(mkdirat(fd, "new", 0700) == 0 && access("../new", F_OK) == 0);
    specimen_end();
}
