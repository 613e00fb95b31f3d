/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_sockets.h - libcurl's sockets on a libuv loop.
 *
 * A connection is watched from its opening to its closing, also while no call uses it: libcurl lets
 * go of a kept-alive connection after each call, and to watch it anew costs five system calls.
 * Thread: the shard's.
 */
#ifndef BYOK_WORKER_PORTS_HTTP_CURL_SOCKETS_H
#define BYOK_WORKER_PORTS_HTTP_CURL_SOCKETS_H

#include <curl/curl.h>
#include <uv.h>

#include "base/attr.h"

struct byok_curl_watch;

struct byok_curl_sockets {
    uv_loop_t *loop;
    CURLM *multi;
    struct byok_curl_watch *watches; /* by socket */
    /** Something can be done on a socket; `events` as of curl_multi_socket_action. */
    void (*act)(void *arg, curl_socket_t fd, int events);
    void (*closed)(void *arg); /* one of `open` is closed for good */
    void *arg;
    size_t open; /* handles of the loop */
};

/** Ask the multi handle to say which sockets it waits for. */
void byok_curl_sockets_init(struct byok_curl_sockets *sockets) BYOK_NONNULL(1);

/** The connections that this handle opens are watched by `sockets`. */
void byok_curl_sockets_use(struct byok_curl_sockets *sockets, CURL *easy) BYOK_NONNULL(1, 2);

#endif
