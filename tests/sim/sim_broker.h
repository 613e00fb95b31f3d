/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_broker.h - a cluster (topics, a group) and the broker port of each worker.
 *
 * Delivery is at_least_once as the worker's: a batch is appended, then its positions are stored;
 * batches of one worker are answered in their order, and each may fail by itself.
 * A worker that does not own a position's partition any more is refused the whole batch.
 */
#ifndef BYOK_TESTS_SIM_BROKER_H
#define BYOK_TESTS_SIM_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/message.h"
#include "actors/ports/broker.h"

#define SIM_PARTITIONS_MAX 8

struct sim_world;
struct sim_worker;

struct sim_topic {
    struct byok_record **records; /* owned, in offset order */
    size_t count, room;
    int64_t next_offset;
};

struct sim_owner {
    struct sim_worker *worker; /* NULL: nobody */
    struct sim_worker *next;   /* gets it when it is released */
    int64_t committed;         /* the group's position */
};

struct sim_cluster {
    int32_t partitions;
    struct sim_topic topics[BYOK_TOPIC_COUNT][SIM_PARTITIONS_MAX];
    struct sim_owner owners[SIM_PARTITIONS_MAX];
    unsigned fail_commits; /* the next so many fail */
    bool down;             /* nothing is committed or read */
    uint64_t commits;
};

struct sim_share {
    bool assigned, started;
    uint32_t generation; /* of the assignment */
    uint32_t readings[BYOK_TOPIC_COUNT]; /* of a changelog, begun; the last one counts */
    int64_t next;        /* to be fetched */
};

struct sim_broker {
    struct byok_broker broker;
    struct sim_world *world;
    struct sim_worker *worker;
    struct sim_share shares[SIM_PARTITIONS_MAX];
    bool paused, polling;
    unsigned pauses;
    int64_t last_due_us;
    struct byok_commit *dead; /* of a crash, freed after the actors */
};

void sim_broker_init(struct sim_broker *broker, struct sim_worker *worker);
void sim_cluster_done(struct sim_cluster *cluster);

/** Append a record; its offset. */
int64_t sim_append(struct sim_world *world, enum byok_topic topic, int32_t partition,
                   struct byok_str key, struct byok_str value,
                   const struct byok_record_header *headers, size_t header_count,
                   int64_t timestamp_wall_ms);

/* What the group coordinator does. */
void sim_assign(struct sim_worker *worker, int32_t partition);
/** Take it away in order; `next` (NULL: nobody) gets it when it is released. */
void sim_revoke(struct sim_world *world, int32_t partition, struct sim_worker *next);
/** Take it away at once. */
void sim_lose(struct sim_world *world, int32_t partition, struct sim_worker *next);
/** Free what a dead worker owned. */
void sim_broker_crash(struct sim_broker *broker);

#endif
