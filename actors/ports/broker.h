/* SPDX-License-Identifier: MIT */
/* actors/ports/broker.h - the way to Kafka.
 *
 * What arrives comes as messages to the intake and publisher actors of the shard (kinds in
 * actors/message.h).  Delivery modes differ only behind this port: at_least_once produces, waits
 * for the reports, then commits the positions; exactly_once does all of it in one transaction.
 * Thread: the shard's.  No function blocks.
 */
#ifndef BYOK_ACTORS_PORTS_BROKER_H
#define BYOK_ACTORS_PORTS_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/wire.h"

struct byok_commit;
struct byok_broker;
struct byok_out;

struct byok_broker_ops {
    /** Read a changelog partition from `from` (-1: its beginning) to the end it has now; the
     *  records come as BYOK_MSG_RESTORE_CHUNK, the last one with `end`. */
    void (*restore)(struct byok_broker *broker, enum byok_topic topic, int32_t partition,
                    int64_t from);
    /** Begin to deliver the records of an assigned, restored partition. */
    void (*start)(struct byok_broker *broker, int32_t partition);
    /** Stop and go on delivering (all started partitions): the memory budget is used up. */
    void (*pause)(struct byok_broker *broker);
    void (*resume)(struct byok_broker *broker);
    /** A revoked partition is drained: let go of it. */
    void (*release)(struct byok_broker *broker, int32_t partition);
    /** Publish and commit a batch; it comes back as BYOK_MSG_COMMIT_DONE, in the order given.
     *  A passing failure is retried inside; what comes back failed is final for this assignment. */
    void (*commit)(struct byok_broker *broker, struct byok_commit *commit);
    /** Publish one record at once, outside of every batch; everything is copied.  It may be lost
     *  without a word, and false says that it is already. */
    bool (*stream)(struct byok_broker *broker, const struct byok_out *out);
    /** Partitions of the requests topic. */
    int32_t (*partition_count)(struct byok_broker *broker);
};

struct byok_broker {
    const struct byok_broker_ops *ops;
    uint32_t commits_max; /* how many batches may be under way at once */
};

#endif
