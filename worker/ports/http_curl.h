/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl.h - the HTTP port of one shard, on libcurl's multi interface.
 *
 * Socket action on the shard's loop; no thread of its own.  Thread: the shard's.
 */
#ifndef BYOK_WORKER_PORTS_HTTP_CURL_H
#define BYOK_WORKER_PORTS_HTTP_CURL_H

#include <stddef.h>

#include <uv.h>

#include "actors/ports/http.h"
#include "base/err.h"

struct byok_payload_store;

/* What a provider's configuration adds to its calls, found by the URL's origin. */
struct byok_http_route {
    const char *origin;  /* scheme://host[:port] */
    const char *ca_file; /* PEM; NULL: the system's */
    const char *proxy;   /* NULL: none; the environment's is never used */
};

/* A call of the worker's own, to a service that takes AWS signatures: its key is not a user's. */
struct byok_http_own {
    const struct byok_http_route *route;
    const char *sigv4;       /* CURLOPT_AWS_SIGV4 */
    const char *credentials; /* "id:secret" */
    /** Told when the call has ended, on the shard's thread, instead of a reply to an actor. */
    void (*ended)(struct byok_http_call *call, void *arg);
    void *arg;
};

/** Prepare libcurl for the process: once, before the first thread, and before anything else that
 *  calls curl_global_init (its allocator wipes what it frees).  BYOK_E_CONFIG. */
BYOK_MUST_USE enum byok_err byok_http_curl_global(struct byok_fault *fault);

/** A port on the loop; `routes` is borrowed for its life.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 4)
enum byok_err byok_http_curl_new(uv_loop_t *loop, const struct byok_http_route *routes,
                                 size_t route_count, struct byok_http **out,
                                 struct byok_fault *fault);

/** Where the calls' uploads are read from: a store in files, borrowed until the loop has ended. */
void byok_http_curl_uploads(struct byok_http *http, struct byok_payload_store *store)
    BYOK_NONNULL(1, 2);

/** Send such a call; `own` is borrowed until its end, which may come before this returns. */
void byok_http_curl_send_own(struct byok_http *http, struct byok_http_call *call,
                             const struct byok_http_own *own) BYOK_NONNULL(1, 2, 3);

/** End such a call early, without telling anybody. */
void byok_http_curl_drop(struct byok_http *http, struct byok_http_call *call) BYOK_NONNULL(1, 2);

/** Close (calls under way are ended without a reply); run the loop afterwards until it has no
 *  handles.  NULL is fine. */
void byok_http_curl_close(struct byok_http *http);

#endif
