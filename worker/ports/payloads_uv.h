/* SPDX-License-Identifier: MIT */
/* worker/ports/payloads_uv.h - the payload port of one shard: libuv's thread pool and the shard's
 * HTTP client.
 *
 * Hashes are computed and files used on the pool's threads; a store behind HTTP is called by the
 * shard's libcurl.  Thread: the shard's.
 */
#ifndef BYOK_WORKER_PORTS_PAYLOADS_UV_H
#define BYOK_WORKER_PORTS_PAYLOADS_UV_H

#include <uv.h>

#include "actors/ports/payloads.h"
#include "payloads/store.h"
#include "worker/ports/http_curl.h"

/* Borrowed for the life of the port. */
struct byok_payloads_options {
    struct byok_payload_store *store; /* shared by all shards */
    struct byok_http *http;
    const struct byok_http_route *route; /* of a store behind HTTP; NULL: no settings of its own */
    int64_t keep_s; /* what is older is removed by this port, now and then; 0: never */
};

/** A port on the loop.  NULL: no memory. */
struct byok_payload_port *byok_payloads_uv_new(uv_loop_t *loop,
                                               const struct byok_payloads_options *options)
    BYOK_NONNULL(1, 2) BYOK_MUST_USE;

/** Close before the HTTP port: calls under way are not answered; run the loop afterwards until it has
 *  no handles.  NULL is fine. */
void byok_payloads_uv_close(struct byok_payload_port *port);

#endif
