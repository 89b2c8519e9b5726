/* The face that CRIU's users know: the command line of criu(8). */
#ifndef STASIS_CRIU_CRIU_H
#define STASIS_CRIU_CRIU_H

/* Runs `criu ...`: argv[0] is the program's name, argv[1] the command or an option. Returns the
 * exit status; what went wrong is on stderr in one line, and in the log file if one was asked for.
 */
int criu_main(int argc, char **argv);

#endif
