/* SPDX-License-Identifier: MIT */
/* actors/ports/http.h - the way out to a provider. */
#ifndef BYOK_ACTORS_PORTS_HTTP_H
#define BYOK_ACTORS_PORTS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/http_message.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/payload.h"
#include "vault_rocks/slot.h"

struct byok_actor;
struct byok_msg;

/* What the port holds at most of a file that it sends from the payload store. */
#define BYOK_HTTP_UPLOAD_BYTES ((size_t)128 * 1024)

/* One call; embedded in its task, so it lives until the task ends. */
struct byok_http_call {
    /* in */
    struct byok_http_request request;
    struct byok_slot *slot;  /* the key; the port reads it only through byok_slot_header */
    const char *auth_header; /* of the provider */
    const char *auth_prefix;
    /* NULL, or what the request's piece of a length only stands for: read from the payload store while
     * it is sent.  What completes it leaves only when its size and hash are right, so the receiver has
     * it whole, or a body that is cut off */
    const struct byok_payload_ref *upload;
    struct byok_arena *arena; /* for the answer's headers */
    int64_t timeout_us; /* for the whole call, from now */
    int64_t connect_timeout_us;
    size_t answer_max_bytes;
    struct byok_actor *reply_to;
    struct byok_msg *reply; /* sent to reply_to as BYOK_MSG_HTTP_DONE */
    struct byok_msg *bytes; /* NULL: the answer is wanted whole.  Else sent to reply_to as
                             * BYOK_MSG_HTTP_BYTES, before `reply`, when more of the body can be
                             * read, and not again until the receiver has cleared bytes_away */
    bool bytes_away;
    /* out */
    struct byok_http_response response; /* valid when fault.code is OK */
    struct byok_buf body; /* backs response.body; scrubbed of the key */
    size_t safe_bytes; /* of body that are scrubbed for good; while the answer comes nothing behind
                        * them may be looked at.  response.status is set by then */
    /* OK: a whole answer came, whatever its status.  UNREACHABLE: nothing was sent (resolve,
     * connect, TLS).  TIMEOUT, CUT_OFF: after sending.  TOO_LARGE: the answer passed the cap. */
    struct byok_fault fault;
    /* The upload could not be read, which is nobody's doing there: before anything was sent it is
     * STORE, NOMEM or BAD_REQUEST (not there, or something else); after that BAD_REQUEST, or CUT_OFF
     * for a disk that fails */
    bool upload_failed;
    bool sent; /* the first byte of the request left, or may have */
    void *port; /* the port's own */
};

struct byok_http;

struct byok_http_ops {
    /** Begin the call.  Never blocks, never answers before it returns; the reply comes exactly
     *  once.  No redirects, no proxy but a configured one, no environment.  Any answer byte that
     *  equals the key is overwritten before the reply. */
    void (*send)(struct byok_http *http, struct byok_http_call *call);
    /** End a call early: the reply comes soon, as TIMEOUT. */
    void (*cancel)(struct byok_http *http, struct byok_http_call *call);
};

struct byok_http {
    const struct byok_http_ops *ops;
};

#endif
