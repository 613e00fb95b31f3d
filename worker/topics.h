/* SPDX-License-Identifier: MIT */
/* worker/topics.h - the topics byokd needs: creates the missing ones, checks the others. */
#ifndef BYOK_WORKER_TOPICS_H
#define BYOK_WORKER_TOPICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/ports/log.h"
#include "base/err.h"
#include "base/limits.h"
#include "worker/ports/broker_rdkafka.h"

/* Two topics' ids and a space, with room to spare. */
#define BYOK_TOPICS_IDENTITY_BYTES 96

/* All borrowed for the call. */
struct byok_topics_options {
    const struct byok_kafka_options *kafka;
    bool create;         /* the missing ones; else they are an error */
    bool transactions;   /* are needed: the embedded broker is refused */
    int32_t partitions;  /* of topics to be created; 0: as a co-partitioned one has, or 12 */
    int16_t replication; /* 0: the broker's default */
    int64_t limit_us;    /* how long to wait for the broker; 0: for ever */
    const _Atomic bool *stop; /* gives up when it turns true; may be NULL */
    struct byok_log *log;
    char *identity; /* BYOK_TOPICS_IDENTITY_BYTES for the ids of the two changelogs, "" when they
                     * cannot be learnt; may be NULL */
    char *cluster; /* BYOK_REALM_MAX + 1 for the cluster's id, "" when it has none; may be NULL */
};

/** See to it that all topics are there: requests, vault and state with the same count of
 *  partitions, vault and state compacted.  Blocks, for as long as the broker is away: called
 *  before the shards start.
 *  BYOK_E_CONFIG: a topic is missing or wrong, or the broker has no transactions (the text says
 *  which, and what to do);
 *  BYOK_E_BROKER: the broker did not answer in time; BYOK_E_SHUTDOWN: stopped. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_topics_ensure(const struct byok_topics_options *options,
                                 struct byok_fault *fault);

#endif
