/* Errors are made where the fact is known and handed up; each room on the way may add context.
 *
 * A function that can fail takes a `struct error *` as its last argument and returns a negative
 * number (or NULL) after filling it. The text is one line without a final newline or full stop:
 * `pid 17 (redis-server): fd 6: inotify watch 2: /data/x.conf: No such file or directory`. */
#ifndef STASIS_BASE_ERROR_H
#define STASIS_BASE_ERROR_H

struct error {
    int code; /* an errno value; 0 while nothing failed */
    char text[1024];
};

/* Fills *e with `code` (an errno value) and the formatted text. Returns -1. */
int fail(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with errno as the code and `: strerror(errno)` behind the text. Returns -1. */
int fail_errno(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts `context: ` before the text of an error that a callee made. Returns -1. */
int fail_in(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
