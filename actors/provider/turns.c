/* SPDX-License-Identifier: MIT */
/* actors/provider/turns.c - see actors/provider/turns.h. */
#include "actors/provider/turns.h"

#include <assert.h>

#include "actors/partition/partition.h"

#define RETRY_US ((int64_t)50000)
#define TOLD_MAX 256  /* users that are told at once that the breaker is open */

void byok_turns_init(struct byok_turns *turns, const struct byok_env *env, size_t provider)
{
    byok_health_init(&turns->health, env, provider);
}

void byok_turns_wait(struct byok_turns *turns, struct byok_msg **msg)
{
    bool exempt = ((const struct byok_ready *)*msg)->exempt;
    byok_queue_push(exempt ? &turns->commands : &turns->ring, *msg);
    *msg = NULL;
}

void byok_turns_declined(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_msg **msg)
{
    uint32_t ticket = ((const struct byok_ready *)*msg)->ticket;
    turns->given--;
    (void)byok_breaker_leave(&turns->health.breaker, byok_now_us(ctx), 0, ticket, BYOK_VERDICT_NONE,
                             0);
    byok_send(ctx, (*msg)->from, BYOK_MSG_DECLINED, msg);
}

static bool gives_one(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_queue *from)
{
    if (!from->head || turns->given >= byok_adaptive_limit(&turns->health.room))
        return false;
    struct byok_msg *msg = byok_queue_pop(from);
    struct byok_ready *ready = (struct byok_ready *)msg;
    ready->ticket =
        from == &turns->ring ? byok_breaker_enter(&turns->health.breaker, byok_now_us(ctx)) : 0;
    turns->given++;
    byok_send(ctx, msg->from, BYOK_MSG_TURN, &msg);
    return true;
}

/* They come again then.  While a probe is under way nobody knows; it is looked at as often. */
static void turn_away(struct byok_ctx *ctx, struct byok_turns *turns)
{
    const struct byok_provider_settings *settings =
        &ctx->env->provider_settings[turns->health.provider];
    int64_t now = byok_now_us(ctx), at = byok_breaker_at(&turns->health.breaker, now);
    for (int i = 0; i < TOLD_MAX && turns->ring.head; i++) {
        struct byok_msg *msg = byok_queue_pop(&turns->ring);
        struct byok_ready *ready = (struct byok_ready *)msg;
        ready->until_us = at < INT64_MAX ? at : now + settings->breaker.open_us;
        byok_send(ctx, msg->from, BYOK_MSG_DOWN, &msg);
    }
    if (turns->ring.head)
        byok_timer_set(ctx, &turns->retry, now);
}

static bool lets_in(const struct byok_ctx *ctx, const struct byok_turns *turns)
{
    const int64_t now = byok_now_us(ctx); /* once: it moves on between two looks */
    return byok_breaker_at(&turns->health.breaker, now) <= now;
}

void byok_turns_give(struct byok_ctx *ctx, struct byok_turns *turns)
{
    if ((turns->ring.head || turns->commands.head) && byok_outgoing_full(ctx->env)) {
        byok_timer_set(ctx, &turns->retry, byok_now_us(ctx) + RETRY_US);
        return;
    }
    while (gives_one(ctx, turns, &turns->commands)) {
    }
    while (lets_in(ctx, turns)) {
        if (!gives_one(ctx, turns, &turns->ring))
            return;
    }
    turn_away(ctx, turns);
}

void byok_turns_end(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_task *task)
{
    byok_health_learn(ctx, &turns->health, task, turns->given);
    turns->given--;
}

void byok_turns_done(struct byok_ctx *ctx, struct byok_turns *turns)
{
    byok_timer_cancel(ctx, &turns->retry);
}

void byok_turns_check(const struct byok_turns *turns)
{
    assert(turns->given >= 0);
    assert(turns->health.breaker.probes <= turns->given);
    assert(!turns->ring.head == (turns->ring.count == 0));
}
