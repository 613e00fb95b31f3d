/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_call.h - one call as a libcurl easy handle; private to the port.
 *
 * The key stays in its slot: libcurl reads it through a header node that points there.  What
 * libcurl copies of it, its allocator wipes, and the handle is new for each call because a kept
 * one keeps the bytes that it sent.
 */
#ifndef BYOK_WORKER_PORTS_HTTP_CURL_CALL_H
#define BYOK_WORKER_PORTS_HTTP_CURL_CALL_H

#include <stdbool.h>

#include <curl/curl.h>

#include "worker/ports/http_curl.h"
#include "worker/ports/upload_uv.h"

/* headers of the request, the key's, and "Expect:" (none), "Content-Type:" (none of curl's) */
#define BYOK_CURL_NODES_MAX (BYOK_HTTP_HEADERS_MAX + 3)

struct byok_curl_call {
    struct byok_http_call *call;
    CURL *easy;
    struct curl_slist nodes[BYOK_CURL_NODES_MAX];
    size_t node_count;
    struct byok_buf head;    /* the answer's headers, "name: value\n", names in lower case */
    CURLcode setting_failed; /* the first option that libcurl refused */
    size_t piece, piece_at;  /* of the body: what is sent next */
    struct byok_upload *upload; /* of a piece that is a file; owned */
    bool upload_failed; /* so the call is broken off */
    bool begun; /* in the multi handle, which waits for an upload's first piece */
    uint64_t reading_ms; /* since then, by the loop's clock */
    void *port; /* whose call it is */
    const struct byok_http_own *own; /* NULL: an actor's */
    bool sent;               /* the request was begun to be sent */
    bool again;              /* libcurl wanted to send it a second time, which was refused */
    char error[CURL_ERROR_SIZE];
    struct byok_curl_call *prev, *next; /* of the calls under way */
};

/** A handle ready to be given to a multi handle; `route` and `own` may be NULL.  On an error the call's
 *  fault is set and NULL is returned. */
struct byok_curl_call *byok_curl_call_new(struct byok_http_call *call,
                                          const struct byok_http_route *route,
                                          const struct byok_http_own *own) BYOK_NONNULL(1)
    BYOK_MUST_USE;

/** Fill the call's outcome: its answer when libcurl says that it is whole, else what the failure
 *  means.  All scrubbed of the key.  Takes the handle apart and frees `one`, which is out of the
 *  multi handle. */
void byok_curl_call_end(struct byok_curl_call *one, CURLcode code) BYOK_NONNULL(1);

/** The same for a call that was cancelled. */
void byok_curl_call_cancelled(struct byok_curl_call *one) BYOK_NONNULL(1);

/** Free without an outcome. NULL is fine. */
void byok_curl_call_free(struct byok_curl_call *one);

#endif
