/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_same.h - what the bare loop writes to be a loop "with the same records".
 *
 * For each chat, as byokd does in exactly_once with ledger cluster and audit.events all: a claim by
 * a producer of its own, in the topic before the call is sent; and in the result's transaction a
 * usage event, a DONE record, the claim's end, an audit record, and with every eighth job a user's
 * record (byokd writes one for each user of a batch).  Only topics, keys and sizes are as there: the
 * bytes are made once, or printed, since this is a limit for how they are made, too.
 */
#ifndef BYOK_TESTS_BENCH_BARE_SAME_H
#define BYOK_TESTS_BENCH_BARE_SAME_H

#include <librdkafka/rdkafka.h>

#include "tests/bench/bare_record.h"

struct bare_same;

/** With the topics of a worker, by their prefix.  `on_claim` gets what bare_same_claim was given
 *  when that claim is in the topic, within bare_same_poll.  Ends the program when it cannot. */
struct bare_same *bare_same_open(const char *brokers, const char *prefix,
                                 void (*on_claim)(void *opaque, void *call), void *opaque)
    BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

/** Hand a job's claim to the producer of claims. */
void bare_same_claim(struct bare_same *same, const struct bare_job *job, void *call)
    BYOK_NONNULL(1, 2, 3);

/** Take the acknowledgements of claims. */
void bare_same_poll(struct bare_same *same) BYOK_NONNULL(1);

/** Hand what is written beside a job's result to the producer of the transaction. */
void bare_same_write(struct bare_same *same, rd_kafka_t *producer, const struct bare_job *job)
    BYOK_NONNULL(1, 2, 3);

#endif
