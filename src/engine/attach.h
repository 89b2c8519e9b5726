/* Joining the standard streams of a container: its monitor listens on containers/ID/attach.sock.
 *
 * A client may attach before the start (docker run does): it then waits in its own process's
 * engine, and the start there hands it to the monitor. */
#ifndef STASIS_ENGINE_ATTACH_H
#define STASIS_ENGINE_ATTACH_H

#include "engine/record.h"
#include "engine/relay.h"

/* The monitor's side: the listening socket. */
int attach_listen(const struct container *container, struct error *e);

/* Takes the waiting clients of this container out of the engine: a list that the caller frees. */
struct waiting_client *attach_take_waiting(struct engine *engine, const char *id);
void attach_free(struct waiting_client *clients);

/* Closes all waiting clients. */
void attach_drop_waiting(struct engine *engine);

#endif
