/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka.h - the broker port of one shard, on librdkafka.
 *
 * One consumer (requests), one consumer for restores (assigned by hand, only while something is
 * restored) and one producer, idempotent or transactional.  Their queues wake the shard's loop
 * through event fds.
 * Thread: the shard's; librdkafka's transaction calls, which block, run on one of the port's own.
 */
#ifndef BYOK_WORKER_PORTS_BROKER_RDKAFKA_H
#define BYOK_WORKER_PORTS_BROKER_RDKAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "actors/env.h"
#include "actors/ports/broker.h"
#include "base/err.h"

/* Settings of librdkafka, each "name=value", as the operator wrote them; borrowed. */
struct byok_kafka_properties {
    char *const *items;
    size_t count;
};

struct byok_kafka_options {
    const char *brokers;
    const char *group;
    const char *topic_prefix; /* "byok." */
    const char *instance_id;  /* group.instance.id of this shard; NULL: dynamic membership */
    const char *client_id;
    struct byok_kafka_properties properties; /* for every handle */
    struct byok_kafka_properties consumer_properties;
    struct byok_kafka_properties producer_properties;
    size_t request_max_bytes; /* what the producer must be able to forward */
    int64_t drain_ms;         /* how long a revoked partition's calls may take to end */
    uint32_t commits_max;
    /* exactly once: every batch is a transaction of this id; NULL: at least once.  Of all live
     * producers with one id Kafka lets only the newest write. */
    const char *transactional_id;
    int64_t transaction_timeout_ms; /* after which the broker ends one that was left open */
};

/** Whether librdkafka takes these settings, without making anything.  BYOK_E_CONFIG: the text names
 *  the one it refuses. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_broker_rdkafka_check(const struct byok_kafka_options *options,
                                        struct byok_fault *fault);

/** A broker port on the loop; `env` is where it finds the intake and the publisher.  Does not wait
 *  for the broker: it connects and joins the group in the background, for ever.
 *  BYOK_E_CONFIG: librdkafka refuses a setting (the text names it); BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_broker_rdkafka_new(uv_loop_t *loop, const struct byok_kafka_options *options,
                                      struct byok_env *env, struct byok_broker **out,
                                      struct byok_fault *fault);

/** Whether the broker answers: a connection is up and the partition count is known. */
bool byok_broker_rdkafka_ready(const struct byok_broker *broker) BYOK_NONNULL(1);

/** The notes port into the state topic; part of the broker port, and gone with it. */
struct byok_notes *byok_broker_rdkafka_notes(struct byok_broker *broker) BYOK_NONNULL(1);

/** Leave the group, flush, close the handles; run the loop afterwards until it has no handles.
 *  NULL is fine. */
void byok_broker_rdkafka_close(struct byok_broker *broker);

#endif
