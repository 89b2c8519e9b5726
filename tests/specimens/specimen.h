/* A specimen is a program that puts itself into one kernel state, says it is ready, and checks that
 * state when it is told to: between the two it may have been frozen, killed and brought back.
 *
 * It talks through files of the directory $SPECIMEN_DIR, each opened for a moment only, so that
 * nothing of the talk is part of the state. Any process of the tree may call any of these. */
#ifndef STASIS_TESTS_SPECIMEN_H
#define STASIS_TESTS_SPECIMEN_H

#include <stdbool.h>
#include <sys/types.h>

/* Notes a difference unless `holds`, with what and errno; the verdict is then "differs". */
#define DEMAND(holds) specimen_demand((holds), #holds, __LINE__)
bool specimen_demand(bool holds, const char *what, int line);

/* A step of setting up that must not fail: ends the program with a difference if it does. */
#define MUST(holds)                                                                                \
    do {                                                                                           \
        if (!specimen_demand((holds), "setting up: " #holds, __LINE__))                            \
            specimen_end();                                                                        \
    } while (0)

/* Says that the whole tree is set up; called once. */
void specimen_say_ready(void);
/* Returns when the specimen is told to check itself. */
void specimen_wait_told(void);
/* Both. */
void specimen_ready(void);
/* Has it been told? */
bool specimen_told(void);

/* Files of the directory that processes of the tree leave for each other. */
void specimen_leave_mark(const char *name);
void specimen_wait_mark(const char *name);

/* Starts a child that runs `body` and ends; its differences are the specimen's. */
pid_t specimen_fork(void (*body)(void *), void *argument);
/* Waits for a child and demands that it ended well. */
void specimen_join(pid_t child);

/* Ends this process: 0, or 1 if it noted a difference. The first process of the tree also writes
 * the verdict. */
_Noreturn void specimen_end(void);

/* A moment: one step of waiting for something that has no event. */
void specimen_pause(void);

/* The whole of a file such as /proc/self/maps, kept for good. NULL if it cannot be read. */
char *specimen_read(const char *path);
/* Demands that the file still reads as `before`. */
void specimen_demand_same(const char *path, char *before);

#endif
