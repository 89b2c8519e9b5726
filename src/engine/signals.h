/* Names of signals. signal(7). */
#ifndef STASIS_ENGINE_SIGNALS_H
#define STASIS_ENGINE_SIGNALS_H

/* "SIGTERM", "term", "15", "RTMIN+3": the number, or 0 if it is none. */
int signal_number(const char *text);

#endif
