/* Pipes: what is in them, their size and flags, ends shared between processes, closed ends, a full
 * pipe. */
#include "specimen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int talk[2], answers[2], ended[2], broken[2], full[2];

static void child(void *nothing)
{
    (void)nothing;
    char text[16] = "";
    close(talk[1]);
    specimen_wait_told();
    DEMAND(read(talk[0], text, 5) == 5 && memcmp(text, "hello", 5) == 0);
    DEMAND(read(talk[0], text, 5) == 5 && memcmp(text, "again", 5) == 0);
    DEMAND(read(talk[0], text, 5) == 0);
    DEMAND(write(answers[1], "done", 4) == 4);
}

int main(void)
{
    char text[16] = "", block[4096] = {7};
    MUST(pipe(talk) == 0 && pipe2(answers, O_CLOEXEC | O_NONBLOCK) == 0);
    MUST(pipe(ended) == 0 && pipe(broken) == 0 && pipe2(full, O_NONBLOCK) == 0);
    MUST(fcntl(answers[1], F_SETPIPE_SZ, 1 << 18) == 1 << 18);
    MUST(write(talk[1], "hello", 5) == 5);
    MUST(write(ended[1], "rest", 4) == 4 && close(ended[1]) == 0 && close(broken[0]) == 0);
    size_t held = 0;
    while (write(full[1], block, sizeof(block)) == sizeof(block))
        held += sizeof(block);
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = specimen_fork(child, NULL);

    specimen_ready();

    DEMAND(fcntl(answers[0], F_GETPIPE_SZ) == 1 << 18);
    DEMAND(fcntl(answers[0], F_GETFD) == FD_CLOEXEC && (fcntl(answers[0], F_GETFL) & O_NONBLOCK));
    DEMAND(fcntl(talk[1], F_GETFD) == 0 && !(fcntl(talk[1], F_GETFL) & O_NONBLOCK));
    DEMAND(write(talk[1], "again", 5) == 5 && close(talk[1]) == 0 && close(talk[0]) == 0);
    specimen_join(pid);
    DEMAND(read(answers[0], text, 16) == 4 && memcmp(text, "done", 4) == 0);
    DEMAND(read(answers[0], text, 16) < 0 && errno == EAGAIN);
    DEMAND(read(ended[0], text, 16) == 4 && read(ended[0], text, 16) == 0);
    DEMAND(write(broken[1], "x", 1) < 0 && errno == EPIPE);
    DEMAND(write(full[1], block, 1) < 0 && errno == EAGAIN);
    size_t found = 0;
    for (ssize_t n; (n = read(full[0], block, sizeof(block))) > 0 && block[0] == 7;)
        found += (size_t)n;
    DEMAND(found == held);
    specimen_end();
}
