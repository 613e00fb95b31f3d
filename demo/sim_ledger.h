/* SPDX-License-Identifier: MIT */
/* demo/sim_ledger.h - what the simulated provider would have billed, call by call and key by key.
 *
 * Tests compare it with the usage that byokd publishes.  It knows a key only by its fingerprint.
 * Memory is bounded: beyond the cap calls are still counted, but no longer listed.
 * All functions may be called from any thread.
 */
#ifndef BYOK_DEMO_SIM_LEDGER_H
#define BYOK_DEMO_SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "demo/sim_text.h"

struct sim_ledger;

/** One call at a paid endpoint, known when its request has been read and its answer decided. */
struct sim_entry {
    const char *fingerprint;
    struct byok_str client_request_id; /* the x-client-request-id header; may be empty */
    uint64_t prompt_hash;              /* of its texts, so that a test knows a repeated call */
    const char *endpoint;              /* a literal */
    struct byok_str model;
    const char *kind; /* a literal: "ok", or the fault that the client met */
    uint32_t input_tokens;
    uint32_t output_tokens;
    uint16_t status; /* 0: the client never got a status line */
    bool is_billed;
};

/** A ledger that lists at most `entries_max` calls; NULL when there is no memory. */
struct sim_ledger *sim_ledger_new(uint32_t entries_max) BYOK_MUST_USE;

/** Release; NULL is fine. */
void sim_ledger_free(struct sim_ledger *ledger);

/** Note a call that begins now; gives the number to end it with. */
uint32_t sim_ledger_begin(struct sim_ledger *ledger, const struct sim_entry *entry)
    BYOK_NONNULL(1, 2);

/** The call of key number `key` is over: before its last byte leaves, so that the client's next
 *  call never seems to overlap with it. */
void sim_ledger_end(struct sim_ledger *ledger, uint32_t key) BYOK_NONNULL(1);

/** Forget all calls; those in flight still count as in flight. */
void sim_ledger_reset(struct sim_ledger *ledger) BYOK_NONNULL(1);

/** Append the totals and the sums by key as one JSON object. */
void sim_ledger_summary(struct sim_ledger *ledger, struct byok_buf *out) BYOK_NONNULL(1, 2);

/** Append the listed calls number `since` to `since + limit - 1` as a JSON array. */
void sim_ledger_calls(struct sim_ledger *ledger, uint32_t since, uint32_t limit,
                      struct byok_buf *out) BYOK_NONNULL(1, 4);

#endif
