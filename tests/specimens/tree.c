/* A tree of processes with sessions and groups of their own, among them groups and a session whose
 * leader is dead. */
#include "specimen.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    pid_t pid, parent, session, group;
};

enum { CHILD, IN_GROUP, SESSION_LEADER, IN_SESSION, ORPHAN, COUNT };

static struct place *places;

static struct place here(void)
{
    return (struct place){getpid(), getppid(), getsid(0), getpgrp()};
}

static void stay(void *number)
{
    struct place *mine = &places[(uintptr_t)number];
    *mine = here();
    specimen_wait_told();
    struct place now = here();
    DEMAND(now.pid == mine->pid && now.parent == mine->parent);
    DEMAND(now.session == mine->session && now.group == mine->group);
}

static void wait_for(int number)
{
    while (!((volatile struct place *)places)[number].group)
        specimen_pause();
}

/* Stays in the group of a process that has ended. */
static void stay_in_dead_group(void *nothing)
{
    (void)nothing;
    pid_t leader = fork();
    MUST(leader >= 0);
    if (leader == 0) {
        pause();
        _exit(0);
    }
    MUST(setpgid(leader, leader) == 0 && setpgid(0, leader) == 0);
    MUST(kill(leader, 9) == 0 && waitpid(leader, NULL, 0) == leader);
    stay((void *)IN_GROUP);
}

static void lead_session(void *nothing)
{
    (void)nothing;
    MUST(setsid() > 0);
    pid_t child = specimen_fork(stay, (void *)IN_SESSION);
    wait_for(IN_SESSION);
    stay((void *)SESSION_LEADER);
    specimen_join(child);
}

static void stay_orphaned(void *nothing)
{
    (void)nothing;
    pid_t leader = getsid(0);
    while (getppid() == leader)
        specimen_pause();
    stay((void *)ORPHAN);
}

/* Starts a process in a new session and ends: the process stays in a session without a leader. */
static void orphan(void *nothing)
{
    (void)nothing;
    MUST(setsid() > 0);
    specimen_fork(stay_orphaned, NULL);
}

int main(void)
{
    places = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(places != MAP_FAILED);
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    pid_t children[] = {
        specimen_fork(stay, (void *)CHILD),
        specimen_fork(stay_in_dead_group, NULL),
        specimen_fork(lead_session, NULL),
    };
    specimen_join(specimen_fork(orphan, NULL));
    for (int i = 0; i < COUNT; i++)
        wait_for(i);
    DEMAND(places[ORPHAN].parent == getpid());

    specimen_ready();

    for (int i = 0; i < 3; i++)
        specimen_join(children[i]);
    specimen_join(places[ORPHAN].pid);
    int subreaper = 0;
    DEMAND(prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper == 1);
    specimen_end();
}
