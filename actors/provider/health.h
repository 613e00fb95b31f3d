/* SPDX-License-Identifier: MIT */
/* actors/provider/health.h - what a provider's actor has found out about its provider: its breaker,
 * and how many calls at once it takes.  Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PROVIDER_HEALTH_H
#define BYOK_ACTORS_PROVIDER_HEALTH_H

#include "actors/env.h"
#include "actors/limits/adaptive.h"
#include "actors/limits/breaker.h"

/* Users that the breaker tells apart, by hash; two that meet count as one. */
#define BYOK_HEALTH_PARTS 64

struct byok_health {
    size_t provider; /* index in the env */
    struct byok_breaker breaker;
    struct byok_tally tally[2 * BYOK_HEALTH_PARTS];
    struct byok_adaptive room; /* calls at once */
};

/** Nothing is known yet.  It is counted in the metrics from now on. */
void byok_health_init(struct byok_health *health, const struct byok_env *env, size_t provider)
    BYOK_NONNULL(1, 2);

/** Chance for the end of a call at a breaker, which needs it only to open: most calls
 *  end well and spare the draw. */
static inline uint64_t byok_health_chance(const struct byok_env *env, enum byok_verdict verdict)
{
    return verdict == BYOK_VERDICT_BAD ? env->clock->ops->random(env->clock) : 0;
}

/** The end of a call, which was one of `busy`: task->verdict is what it says of the provider, and
 *  task->ticket is given back.  Openings and closings go to the log and the metrics. */
void byok_health_learn(const struct byok_ctx *ctx, struct byok_health *health,
                       struct byok_task *task, int64_t busy) BYOK_NONNULL(1, 2, 3);

#endif
