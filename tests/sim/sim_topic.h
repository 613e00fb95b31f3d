/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_topic.h - the logs of the cluster: records in offset order, and transactions.
 *
 * A record of an open or aborted transaction has its offset and is in the log, but no reader of
 * committed records sees it, nor anything behind the first open one (Kafka's last stable offset).
 */
#ifndef BYOK_TESTS_SIM_TOPIC_H
#define BYOK_TESTS_SIM_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/message.h"

#define SIM_COMMITTED 0u
#define SIM_ABORTED UINT32_MAX

struct sim_world;
struct sim_request;

struct sim_topic {
    struct byok_record **records; /* owned, in offset order */
    uint32_t *txns;               /* of each: SIM_COMMITTED, SIM_ABORTED, or an open one's id */
    struct sim_request **requests; /* of each: what it asks for; NULL: nothing readable */
    size_t count, room;
    size_t stable; /* records before this index are decided */
    int64_t next_offset;
};

/** Append a committed record; its offset. */
int64_t sim_append(struct sim_world *world, enum byok_topic topic, int32_t partition,
                   struct byok_str key, struct byok_str value,
                   const struct byok_record_header *headers, size_t header_count,
                   int64_t timestamp_wall_ms);

/** The partition that a record which an actor publishes goes to. */
int32_t sim_partition_of_out(const struct sim_world *world, const struct byok_out *out);

/** Append what an actor publishes, as part of a transaction (SIM_COMMITTED: of none). */
void sim_append_out(struct sim_world *world, struct byok_out *out, uint32_t txn);

/** Commit or abort a transaction: its records are seen, or never. */
void sim_txn_decide(struct sim_world *world, uint32_t txn, bool commits);

/** Index of the first record at or above an offset. */
size_t sim_topic_seek(const struct sim_topic *log, int64_t offset);

static inline bool sim_is_visible(const struct sim_topic *log, size_t i)
{
    return log->txns[i] == SIM_COMMITTED;
}

void sim_topic_done(struct sim_topic *log);

#endif
