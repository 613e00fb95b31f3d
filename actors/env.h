/* SPDX-License-Identifier: MIT */
/* actors/env.h - what the actors of one system share: ports, settings, each other's addresses.
 *
 * Filled by whoever puts a shard together (worker/shard.c, the simulator) before the first
 * message; the pointers do not change after that.
 */
#ifndef BYOK_ACTORS_ENV_H
#define BYOK_ACTORS_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/actor.h"
#include "actors/limits/breaker.h"
#include "actors/ports/notes.h"
#include "actors/ports/payloads.h"
#include "adapters/adapter.h"
#include "schemas/prices.h"
#include "vault_rocks/sign.h"
#include "vault_rocks/vault.h"

/* How one provider is used; the i-th belongs to the i-th provider. */
struct byok_provider_settings {
    int64_t concurrency; /* calls in flight per shard */
    int64_t concurrency_min; /* that it is cut down to at most, while it is overloaded */
    int64_t timeout_us;  /* of one call */
    int64_t connect_timeout_us;
    uint32_t bulk_texts; /* of embedding jobs in one call; 0: what the adapter says; 1: one job */
    struct byok_breaker_settings breaker; /* of the provider, and of each of its users */
};

/* What stands in the audit topic. */
enum byok_audit {
    BYOK_AUDIT_ALL,     /* every command about keys, and every use */
    BYOK_AUDIT_CHANGES, /* registrations, rotations and deletions */
    BYOK_AUDIT_OFF
};

struct byok_settings {
    /* per user, until a user.configure says otherwise; 0: no limit */
    int64_t requests_per_minute;
    int64_t tokens_per_minute;
    int64_t user_concurrency;
    int64_t budget; /* parts of BYOK_MONEY_UNIT */
    enum byok_budget_period budget_period;
    int64_t burst_percent; /* of a limit that may be used at once, 1..100 */
    /* retries */
    int64_t attempts_max;
    int64_t backoff_base_us, backoff_max_us;
    /* times */
    int64_t deadline_us;        /* of a job that names none, from its first attempt */
    int64_t drain_us;           /* for calls in flight at a revocation or a stop */
    int64_t envelope_max_age_ms;
    int64_t commit_linger_us;   /* how long a batch waits for more results */
    int64_t commit_interval_us; /* least time from a batch's start to the next one's */
    int64_t bulk_linger_us; /* an embeddings job waits for others, while a call is under way */
    int64_t stream_linger_us; /* between two deltas of an answer; the first goes at once */
    int64_t park_after_us; /* a request that waits longer is parked in the state; 0: never */
    int64_t key_recheck_us;      /* between two tries of a key that its provider refuses */
    bool on_invalid_waits;       /* the jobs of such a key wait; else they fail */
    int64_t user_idle_us; /* before an idle user actor is dropped from memory */
    int counters_keep_days;
    const struct byok_signer *signers; /* who may change keys; none: everybody who may write */
    size_t signer_count;
    const struct byok_prices *prices; /* NULL: no cost is known */
    enum byok_audit audit;
    int64_t done_keep_ms; /* how long a request id is recognised after its result */
    bool rewrap; /* seal what older master keys sealed anew */
    bool at_least_once; /* nothing fences a worker that has lost a partition without knowing */
    /* sizes */
    size_t held_bytes_max; /* of records and jobs, with their payloads, per shard; above it intake
                            * pauses, and a user gets payloads for one job at a time */
    size_t request_max_bytes;
    size_t answer_max_bytes;
    size_t
        payload_inline_max; /* bytes that the audio, images and vectors of a result take at most */
    size_t payload_max_bytes; /* of all that a job refers to */
    size_t payload_keep_bytes; /* of a file that is sent from the store, in memory; smaller ones are
                                * in memory whole.  0: all are */
    int64_t payload_timeout_us; /* until a payload is given up, and of one call to the store */
    uint32_t commit_tasks_max; /* per batch */
    uint32_t window; /* decoded jobs per user; what is behind waits as raw records */
    uint32_t queue; /* raw records per user; what is behind is parked in the state */
};

struct byok_env {
    const struct byok_settings *settings;
    const struct byok_provider *providers;
    const struct byok_provider_settings *provider_settings;
    size_t provider_count;
    /* ports */
    struct byok_broker *broker;
    struct byok_http *http;
    struct byok_notes *notes; /* where claims are made durable; NULL: nowhere */
    struct byok_payload_port *payload_port; /* NULL: there is no payload store */
    const char *owner; /* this worker's name in claims, for people */
    struct byok_clock *clock;
    struct byok_log *log;
    struct byok_metrics *metrics;
    struct byok_store *state; /* the local state table */
    struct byok_slots *slots;
    /* addresses */
    struct byok_actor *intake;
    struct byok_actor *publisher;
    struct byok_actor *ledger;
    struct byok_actor *expiry;
    struct byok_actor *parked;
    struct byok_actor *rewrap;
    struct byok_actor *payloads;
    struct byok_actor *vault; /* in a system of its own */
    struct byok_actor **provider_actors; /* the i-th for the i-th provider */
    struct byok_partitions *partitions; /* of this shard; actors/partition/partition.h */
    /** Told when a partition's or the shard's condition changes, for /readyz and shutdown. */
    void (*stopped)(void *arg); /* the intake has let go of everything after BYOK_MSG_STOP */
    void *stopped_arg;
};

/** The configured provider of a name: its index, or SIZE_MAX. */
size_t byok_env_provider(const struct byok_env *env, struct byok_str name) BYOK_NONNULL(1);

/** Make the actors of a shard (intake, publisher, one per provider) in `system` and fill their
 *  addresses into its env.  env->provider_actors is made here (byok_new) and given back by the
 *  env's owner, after the system, with byok_delete.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_shard_actors(struct byok_system *system, struct byok_env *env);

/** Make the vault actor in its own system. `vault` is borrowed. NULL: no memory. */
struct byok_actor *byok_vault_actor(struct byok_system *system, struct byok_vault *vault)
    BYOK_NONNULL(1, 2) BYOK_MUST_USE;

/** The monotonic clock, in µs. */
static inline int64_t byok_now_us(const struct byok_ctx *ctx)
{
    return ctx->env->clock->ops->now_us(ctx->env->clock);
}

/** The wall clock, in ms since 1970. */
static inline int64_t byok_now_wall_ms(const struct byok_ctx *ctx)
{
    return ctx->env->clock->ops->wall_ms(ctx->env->clock);
}

#endif
