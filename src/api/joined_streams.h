/* A client's connection joined to the standard streams of a process. */
#ifndef STASIS_API_JOINED_STREAMS_H
#define STASIS_API_JOINED_STREAMS_H

#include "api/request.h"

/* Answers by taking the connection over and copying between it and `streams`, a socket as
 * engine_container_attach gives, until the process has ended or the client is gone. Owns it. */
int reply_joined(struct request *request, int streams);

/* The content type of framed streams in the client's version of the API. */
const char *framed_content_type(const struct request *request);

#endif
