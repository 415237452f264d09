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

#endif
