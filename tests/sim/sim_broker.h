/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_broker.h - a cluster (topics, a group) and the broker port of each worker.
 *
 * Exactly once: a batch is written as an open transaction, its positions are accepted by the group
 * while the worker owns their partitions, then it is committed; what is left open by a crash ends
 * by the worker's restart or by a timeout.  A new owner's first position waits for transactions
 * whose positions the group has accepted (KIP-447).
 * At least once: a batch is appended, then its positions are stored; with `torn_batches` it may be
 * written in part, and by one who has lost the partition.
 * Batches of one worker are answered in their order.
 */
#ifndef BYOK_TESTS_SIM_BROKER_H
#define BYOK_TESTS_SIM_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/message.h"
#include "actors/ports/broker.h"
#include "tests/sim/sim_parked.h"
#include "tests/sim/sim_topic.h"

#define SIM_PARTITIONS_MAX 8

struct sim_worker;

struct sim_owner {
    struct sim_worker *worker; /* NULL: nobody */
    struct sim_worker *next;   /* gets it when it is released */
    int64_t committed;         /* the group's position */
    unsigned pending;          /* open transactions that will move it */
};

struct sim_cluster {
    int32_t partitions;
    struct sim_topic topics[BYOK_TOPIC_COUNT][SIM_PARTITIONS_MAX];
    struct sim_owner owners[SIM_PARTITIONS_MAX];
    struct sim_place *parked[SIM_PARTITIONS_MAX]; /* what the state topic says is parked */
    unsigned fail_commits; /* the next so many fail */
    bool down;             /* nothing is committed or read */
    uint64_t commits;
    uint32_t txns; /* begun */
};

struct sim_share {
    bool assigned, started;
    uint32_t generation; /* of the assignment */
    uint32_t readings[BYOK_TOPIC_COUNT]; /* of a changelog, begun; the last one counts */
    int64_t next;        /* to be fetched; -1: the group's position, when it is stable */
    int64_t late_until_us;
    int64_t begins_at; /* the requests' end when it was started */
    int64_t last_begun; /* of those since, the last that a job of SIM_LINE began at */
    const struct sim_request *refused; /* the first of them that waits for its key's limit */
};

/* The one transaction of a worker that may be open. */
struct sim_txn {
    uint32_t id; /* 0: none */
    bool accepted; /* the group has its positions */
    bool asked;    /* its commit was asked for by a worker that is dead now */
    struct byok_position positions[SIM_PARTITIONS_MAX];
    size_t count;
};

struct sim_batch;

struct sim_broker {
    struct byok_broker broker;
    struct sim_world *world;
    struct sim_worker *worker;
    struct sim_share shares[SIM_PARTITIONS_MAX];
    bool paused, polling;
    unsigned pauses;
    struct sim_batch *first, *last; /* under way, oldest first */
    struct sim_txn txn;
};

void sim_broker_init(struct sim_broker *broker, struct sim_worker *worker);
void sim_cluster_done(struct sim_cluster *cluster);

/* What the group coordinator does. */
void sim_assign(struct sim_worker *worker, int32_t partition);
/** Take it away in order; `next` (NULL: nobody) gets it when it is released. */
void sim_revoke(struct sim_world *world, int32_t partition, struct sim_worker *next);
/** Take it away at once. */
void sim_lose(struct sim_world *world, int32_t partition, struct sim_worker *next);
/** Take it away from a worker that hears of it only when sim_tell_lost is called. */
void sim_expel(struct sim_world *world, int32_t partition, struct sim_worker *next);
/** Tell the worker of all partitions that it has lost without knowing. */
void sim_tell_lost(struct sim_worker *worker);
/** A dead worker's batches and partitions; the actors are gone. */
void sim_broker_crash(struct sim_broker *broker);

/* sim_commit.c: the port's commit, and the transactions. */
void sim_commit(struct byok_broker *broker, struct byok_commit *what);
void sim_commit_crash(struct sim_broker *broker);
/** End the worker's open transaction: commit it or not. */
void sim_txn_end(struct sim_worker *worker, bool commits);

#endif
