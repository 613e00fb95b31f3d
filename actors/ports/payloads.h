/* SPDX-License-Identifier: MIT */
/* actors/ports/payloads.h - the way to the payload store.
 *
 * Hashing, files and the network are the port's affair: nothing here blocks.  Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PORTS_PAYLOADS_H
#define BYOK_ACTORS_PORTS_PAYLOADS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "schemas/payload.h"

struct byok_actor;
struct byok_msg;
struct byok_payload_port;

/* One object to be put or got; embedded in its task, so it lives until it is answered. */
struct byok_payload_call {
    /* in */
    bool put;
    struct byok_str user;        /* whose it is; borrowed until the answer */
    struct byok_str content;     /* of a put; borrowed until the answer */
    struct byok_payload_ref ref; /* of a get: which; of a put: out, but for the type */
    size_t keep_bytes; /* of a get: 0: all.  Else only the first so many are wanted; the port may
                        * give all of them.  All of it is checked */
    int64_t timeout_us;          /* of a store behind a network */
    struct byok_actor *reply_to;
    struct byok_msg *reply; /* sent to reply_to as BYOK_MSG_PAYLOAD_DONE */
    /* out */
    struct byok_buf
        body; /* of a get: the content, whose size and hash are those of the reference; or its
               * beginning */
    /* OK: a put is durable.  STORE, NOMEM: a passing failure; a put may be there or not.
     * BAD_REQUEST: what a get names is not there, or is something else.  CONFIG: it cannot be
     * so. */
    struct byok_fault fault;
    void *port; /* the port's own */
};

struct byok_payload_port_ops {
    /** Begin; the reply comes exactly once, and never before this returns.  To put the same again
     *  is harmless. */
    void (*begin)(struct byok_payload_port *port, struct byok_payload_call *call);
};

struct byok_payload_port {
    const struct byok_payload_port_ops *ops;
    bool streams; /* the HTTP port can send what is in the store (byok_http_call.upload) */
};

#endif
