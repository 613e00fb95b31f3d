/* SPDX-License-Identifier: MIT */
/* demo/sim_server.h - the simulated provider's server, shared by its files.
 *
 * sim_handler.c takes a request in and decides, sim_reply.c makes what goes out.  A call is touched
 * by one thread at a time: that of libmicrohttpd's pool which owns its connection.
 */
#ifndef BYOK_DEMO_SIM_SERVER_H
#define BYOK_DEMO_SIM_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "base/buf.h"
#include "demo/sim_clock.h"
#include "demo/sim_faults.h"
#include "demo/sim_ledger.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

struct sim_server {
    struct sim_clock *clock;
    struct sim_ledger *ledger;
    struct sim_faults *faults;
    const char (*keys)[SIM_FINGERPRINT_BYTES]; /* sorted; NULL: every key that looks like one */
    size_t key_count;
    atomic_uint_fast64_t request_count; /* numbers the requests */
    int64_t latency_ms, jitter_ms;
    int64_t gap_ms; /* between the pieces of a stream, where no fault says another */
    uint32_t answer_words;
    bool is_quiet;
};

/** What goes out: made when the request is complete, sent when its delay is over. */
struct sim_reply {
    struct MHD_Response *response; /* NULL for a kind that sends none */
    unsigned status;
    enum sim_kind kind;
    bool is_paced; /* the body ends its call itself, with its last byte */
};

struct sim_call {
    struct sim_server *server;
    struct MHD_Connection *connection;
    struct byok_buf body;
    const struct sim_wire *wire; /* NULL: the simulator's own pages */
    uint64_t number;
    char fingerprint[SIM_FINGERPRINT_BYTES];
    struct sim_wait wait;
    struct sim_reply reply;
    uint32_t ledger_key;
    bool is_decided; /* the reply is made */
    bool is_noted;   /* begun in the ledger and not ended */
};

/** libmicrohttpd's callbacks. */
enum MHD_Result sim_on_request(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);
void sim_on_done(void *server, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode why);

/** A reply of `status` with the contents of `body` (taken), and the common headers. */
void sim_reply_make(struct sim_call *call, unsigned status, const char *type, struct byok_buf *body)
    BYOK_NONNULL(1, 3, 4);

/** A reply with an error body, in the wire's form. */
void sim_reply_error(struct sim_call *call, const struct sim_error *error) BYOK_NONNULL(1, 2);

/** The reply of a call that was accepted: what the fault makes of the endpoint's ordinary answer. */
void sim_reply_fault(struct sim_call *call, const struct sim_endpoint *endpoint,
                     const struct sim_answer *answer, const struct sim_fault *fault)
    BYOK_NONNULL(1, 2, 3, 4);

/** End the call in the ledger, once; before its last byte leaves. */
void sim_call_end(struct sim_call *call) BYOK_NONNULL(1);

#endif
