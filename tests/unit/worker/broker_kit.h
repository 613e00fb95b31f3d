/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/broker_kit.h - broker ports on one loop, each with an intake that takes notes.
 *
 * A member is what a shard is to Kafka.  Its intake restores and starts what it is assigned,
 * releases what is revoked (unless it holds), and notes records, chunks and answers.
 */
#ifndef BYOK_TESTS_BROKER_KIT_H
#define BYOK_TESTS_BROKER_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
/* in this order: the mock's header does not stand alone */
#include <librdkafka/rdkafka_mock.h>
#include <uv.h>

#include "actors/env.h"
#include "actors/message.h"
#include "worker/ports/broker_rdkafka.h"

#define KIT_PARTITIONS 8
#define KIT_MEMBERS 3
#define KIT_BATCHES 4096
#define KIT_TEXT 64
/* Kafka's ApiKeys */
#define KIT_PRODUCE 0
#define KIT_OFFSET_COMMIT 8
#define KIT_INIT_PRODUCER_ID 22
#define KIT_END_TXN 26
#define KIT_TXN_OFFSET_COMMIT 28

struct kit;

/* What an intake knows of one partition. */
struct kit_part {
    bool ours, started, revoked;
    unsigned assigned, lost; /* how often */
    /* by changelog: 0 vault, 1 state */
    size_t restored[2];
    int64_t position[2];
    bool ended[2];
    unsigned faults;
    unsigned resets[2]; /* chunks that said so */
    size_t records;
    int64_t next; /* the offset that comes next, when nothing is lost or doubled */
    unsigned doubled, skipped;
};

struct kit_member {
    struct kit *kit;
    struct byok_env env;
    struct byok_metrics metrics;
    struct byok_system *system;
    uv_async_t wake;
    char transactional_id[96];
    struct byok_broker *broker;
    struct kit_part parts[KIT_PARTITIONS];
    bool hold;        /* revoked partitions are not released */
    bool echo;        /* each record is answered by a batch with one result */
    int64_t from;     /* where restores begin; -1 */
    size_t records;
    size_t done;      /* batches answered */
    size_t failed;    /* of them with a fault */
    bool out_of_order;
    struct byok_fault fault; /* the last one */
    int64_t out_offset;      /* of the last batch's first record */
    bool out_refused;
    uint64_t given, answered; /* numbers of batches */
};

struct kit {
    uv_loop_t loop;
    uv_timer_t limit;
    bool late;
    struct byok_clock clock;
    struct byok_log log;
    char brokers[256], prefix[64], group[128];
    char heartbeat[64], session[64], *items[2]; /* rebalances are noticed at once */
    struct byok_kafka_options options;
    bool exactly_once; /* each member has a transactional id of its own */
    struct kit_member members[KIT_MEMBERS];
    size_t errors; /* log events of level error */
    rd_kafka_t *mock_client;
    rd_kafka_mock_cluster_t *mock; /* NULL: on brokers of somebody else */
};

void kit_init(struct kit *kit, const char *brokers, const char *prefix);
/** On a mock cluster of so many brokers, of which each topic has two partitions. */
void kit_init_mock(struct kit *kit, int brokers);
/** A new member joins. */
struct kit_member *kit_join(struct kit *kit, size_t index);
/** Whether a member (for kit_until) serves both partitions of a mock cluster. */
bool kit_started(void *member);
/** It leaves in order. */
void kit_leave(struct kit_member *member);
/** All leave; the loop must run empty. */
void kit_done(struct kit *kit);

/** Run the loop until `is(arg)`, or false after some seconds. */
bool kit_until(struct kit *kit, bool (*is)(void *arg), void *arg, unsigned seconds);
/** Run the loop for a while. */
void kit_for(struct kit *kit, unsigned ms);

/** Write `count` records of `user` to a partition, as another client would. */
void kit_write(struct kit *kit, enum byok_topic topic, int32_t partition, size_t count);
/** The group's committed offset of a requests partition; -1: none. */
int64_t kit_committed(struct kit *kit, int32_t partition);
/** The number of records in a partition (its end minus its beginning). */
int64_t kit_count(struct kit *kit, enum byok_topic topic, int32_t partition);

/** The key and value of the record at that offset, which is waited for; false: it is a tombstone. */
bool kit_read(struct kit *kit, enum byok_topic topic, int32_t partition, int64_t offset,
              char key[static KIT_TEXT], char value[static KIT_TEXT]);

/** Begin a transactional producer of that id and end it again, as another process would. */
void kit_take_id(struct kit *kit, const char *transactional_id);

/** Give the port a batch: one task with one record for `topic`, and a position unless it is -1. */
void kit_commit(struct kit_member *member, enum byok_topic topic, const char *user,
                int32_t partition, int64_t position);
/** The same of a change of the state and, unless it is NULL, a result; without a position. */
void kit_commit_outcome(struct kit_member *member, const char *user, const char *state,
                        const char *result);

#endif
