/* SPDX-License-Identifier: MIT */
/* worker/shard.h - one thread with its loop, ports and actors.
 *
 * Shards share nothing but the vault actor, the slots, the stores (by partition) and the log.
 */
#ifndef BYOK_WORKER_SHARD_H
#define BYOK_WORKER_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/env.h"
#include "payloads/store.h"
#include "worker/ports/broker_rdkafka.h"
#include "worker/ports/http_curl.h"

/* All borrowed for the life of the shard. */
struct byok_shard_options {
    uint32_t index;
    struct byok_kafka_options kafka;
    const struct byok_settings *settings;
    const struct byok_provider *providers;
    const struct byok_provider_settings *provider_settings;
    size_t provider_count;
    const struct byok_http_route *routes;
    size_t route_count;
    struct byok_payload_store *payloads; /* NULL: none */
    const struct byok_http_route *payloads_route;
    int64_t payloads_keep_s; /* 0: this shard removes nothing */
    const char *ledger; /* cluster, host, process */
    const char *owner;  /* this worker's name in claims */
    struct byok_store *state;
    struct byok_slots *slots;
    struct byok_actor *vault;
    struct byok_log *log;
};

struct byok_shard;

/** Make the loop, ports and actors and start the thread.  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_shard_start(const struct byok_shard_options *options, struct byok_shard **out,
                               struct byok_fault *fault);

/** Ask for the orderly end: stop taking, finish what is in flight within settings->drain_us,
 *  commit.  Any thread; returns at once. */
void byok_shard_stop(struct byok_shard *shard) BYOK_NONNULL(1);

/** Wait for the thread's end; the actors' addresses stay good, so that the vault's thread, which
 *  may still answer one of them, can be ended before byok_shard_join. */
void byok_shard_wait(struct byok_shard *shard) BYOK_NONNULL(1);

/** Wait for the thread's end and release, after the vault's thread has ended. NULL is fine. */
void byok_shard_join(struct byok_shard *shard);

/** Whether its broker answers and its intake is not held up by a broken store.  Any thread. */
bool byok_shard_ready(const struct byok_shard *shard) BYOK_NONNULL(1);

/** Its counters.  Any thread. */
const struct byok_metrics *byok_shard_metrics(const struct byok_shard *shard) BYOK_NONNULL(1);

#endif
