/* SPDX-License-Identifier: MIT */
/* actors/provider/turns.c - see actors/provider/turns.h. */
#include "actors/provider/turns.h"

#include <assert.h>

#include "actors/partition/partition.h"

#define RETRY_US ((int64_t)50000)
#define MEAN_WEIGHT 16 /* of the old mean and the new value, the value's is one part of so many */
#define TIMES 4 /* calls end in bursts, as batches are committed, and claims come back in bursts */
#define COUNT_US ((int64_t)200000) /* over which the calls that end are counted */
#define TOLD_MAX 256 /* users that are told at once that the breaker is open */

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

/* ---- how many ---- */

bool byok_turns_has_room(const struct byok_turns *turns)
{
    return turns->calls < byok_adaptive_limit(&turns->health.room);
}

static void count(struct byok_turns *turns, int64_t now_us)
{
    int64_t past_us = now_us - turns->counted_us;
    if (past_us < COUNT_US)
        return;
    turns->ended_before = past_us < 2 * COUNT_US ? turns->ended * COUNT_US / past_us : 0;
    turns->ended = 0;
    turns->counted_us = now_us;
}

/* Turns that may be out.  Those ahead leave two slots to others for one that they take. */
static int64_t most(const struct byok_ctx *ctx, const struct byok_turns *turns)
{
    int64_t limit = byok_adaptive_limit(&turns->health.room);
    if (turns->given < limit)
        return limit;
    int64_t ahead = TIMES * turns->ended_before * turns->lead_us / COUNT_US;
    int64_t slots = byok_slots_idle(ctx->env->slots) / 2;
    ahead = ahead < slots ? ahead : slots;
    return limit + (ahead < limit ? ahead : limit);
}

void byok_turns_ready(struct byok_turns *turns, int64_t lead_us)
{
    turns->lead_us += (lead_us - turns->lead_us) / (turns->lead_us > 0 ? MEAN_WEIGHT : 1);
}

void byok_turns_call(struct byok_turns *turns)
{
    assert(byok_turns_has_room(turns));
    turns->calls++;
}

/* ---- whose turn ---- */

static bool gives_one(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_queue *from)
{
    if (!from->head || turns->given >= most(ctx, turns))
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
    count(turns, byok_now_us(ctx));
    while (gives_one(ctx, turns, &turns->commands)) {
    }
    while (lets_in(ctx, turns)) {
        if (!gives_one(ctx, turns, &turns->ring))
            return;
    }
    turn_away(ctx, turns);
}

void byok_turns_end(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_task *task,
                    bool called)
{
    byok_health_learn(ctx, &turns->health, task, turns->given);
    turns->calls -= called;
    turns->ended += called;
    turns->given--;
}

void byok_turns_done(struct byok_ctx *ctx, struct byok_turns *turns)
{
    byok_timer_cancel(ctx, &turns->retry);
}

void byok_turns_check(const struct byok_turns *turns)
{
    assert(0 <= turns->calls && turns->calls <= turns->given);
    assert(turns->health.breaker.probes <= turns->given);
    assert(!turns->ring.head == (turns->ring.count == 0));
}
