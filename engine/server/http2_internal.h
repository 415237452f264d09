/* libh2o's own view of an HTTP/2 connection, for those who look into one. It needs klib/ among the include directories.
 */
#ifndef SERVER_HTTP2_INTERNAL_H
#define SERVER_HTTP2_INTERNAL_H

#include "server/wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wextra"
#include <h2o/http2_internal.h>
#pragma GCC diagnostic pop

/* The rest of the stream's body, should it come, is thrown away. (http2_stream.c) */
void http2_body_end(struct http2_meter *meter, h2o_http2_stream_t *stream);

#endif
