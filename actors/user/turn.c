/* SPDX-License-Identifier: MIT */
/* actors/user/turn.c - what goes when it is the user's turn at a provider.
 *
 * The oldest job that may go, and with embeddings all others that may share its call.  The first
 * embeddings job goes at once; one that comes while a call of the user is under way, or comes back
 * from one that failed, waits a little for more of its kind.
 */
#include <assert.h>

#include "actors/publisher/payloads.h"
#include "actors/user/parts.h"

static int64_t due_at(const struct byok_ctx *ctx, const struct byok_user *self,
                      const struct byok_task *task, bool limits)
{
    if (byok_payloads_missing(task))
        return INT64_MAX; /* their arrival brings us back */
    int64_t since_us = byok_user_latest(task->not_before_us, task->record->taken_us);
    bool lingers = task->bulk_texts > 0 && (self->calls > 0 || task->not_before_us > 0) &&
                   self->bulk_count < BYOK_BULK_MAX;
    return byok_user_latest(byok_user_key_due(self, task, limits),
                            lingers ? since_us + ctx->env->settings->bulk_linger_us
                                    : task->not_before_us);
}

int64_t byok_user_due(const struct byok_ctx *ctx, const struct byok_user *self,
                      const struct byok_task *task)
{
    return due_at(ctx, self, task, false);
}

int64_t byok_user_due_at(const struct byok_ctx *ctx, const struct byok_user *self,
                         const struct byok_task *task)
{
    return due_at(ctx, self, task, true);
}

static bool may_go(const struct byok_task *task, int64_t now)
{
    return task->provider && task->fault.code == BYOK_E_OK && !task->cancelled &&
           task->deadline_us > now && task->not_before_us <= now;
}

static struct byok_task *pick(const struct byok_ctx *ctx, struct byok_user *self, size_t i,
                              int64_t now)
{
    struct byok_task *task;
    const struct byok_lane *lane = &self->lanes[i];
    if (self->closed || self->storing || self->calls >= byok_user_concurrency(ctx, self))
        return NULL;
    DL_FOREACH(self->window, task) {
        if (!task->provider || task->cancelled || byok_user_lane(ctx, self, task) != lane ||
            byok_user_due_at(ctx, self, task) > now ||
            byok_user_is_exempt(task) < lane->ready.exempt)
            continue;
        bool fit = may_go(task, now) && byok_user_goes_at(ctx, self, task, now) <= now;
        return fit ? task : NULL; /* nobody overtakes at a limit */
    }
    return NULL;
}

/* How old the key may be: only what the user's record says binds who may write to the vault's
 * topic.  A new one must not be older than the one that is listed. */
static int64_t key_floor(const struct byok_user *self, const struct byok_task *task)
{
    const struct byok_str provider = byok_str_of(task->provider->name);
    const struct byok_user_key *listed =
        byok_user_key_find(&self->record, provider, task->request.label);
    if (byok_request_stores_key(task->request.type))
        return listed ? listed->issued_wall_ms : 0;
    return byok_user_key_floor(&self->record, provider, task->request.label);
}

/* It leaves the window for its call. */
static void begin(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task, int64_t now)
{
    assert(!byok_payloads_missing(task));
    if (!byok_user_is_exempt(task))
        task->tokens_ticket = byok_limit_take(&self->tokens, now, task->reserved_tokens);
    byok_user_budget_hold(ctx, self, task);
    if (task->deadline_us == INT64_MAX)
        task->deadline_us = now + ctx->env->settings->deadline_us;
    bool limited = self->requests.per_minute > 0 || self->tokens.per_minute > 0;
    task->turn_us = limited && !byok_user_is_exempt(task) ? now : 0;
    task->key_floor_wall_ms = key_floor(self, task);
    if (!task->joined) /* one try of the key, however many share it */
        byok_user_key_begins(ctx, self, task, now);
    byok_user_window_remove(self, task);
}

/* Those that share the call of `first`, each with a turn's message of its own; without memory it
 * goes alone.  They stand for one request per minute and one call, and each for its tokens. */
static void gather(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *first,
                   struct byok_actor *provider, int64_t now)
{
    if (first->bulk_texts == 0 || first->bulk_most == 1 || self->bulk_count == 0)
        return;
    struct byok_bulk *bulk = byok_bulk_new(first, 1 + self->bulk_count);
    struct byok_task *task, *next;
    if (!bulk)
        return;
    bulk->random = ctx->env->clock->ops->random(ctx->env->clock);
    DL_FOREACH_SAFE(self->window, task, next) {
        if (!may_go(task, now) || task->bulk_texts == 0)
            continue;
        if (task->reserved_tokens == 0)
            task->reserved_tokens = byok_estimate_tokens(&task->request);
        if (byok_limit_wait_us(&self->tokens, now, task->reserved_tokens) > 0 ||
            !byok_user_budget_lets(ctx, self, task))
            break;
        if (!byok_bulk_add(ctx->env, bulk, task, now))
            continue;
        begin(ctx, self, task, now);
        byok_send_task(ctx, provider, BYOK_MSG_CALL, &task);
    }
    if (bulk->count == 1)
        byok_bulk_leave(first);
}

void byok_user_turn(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_lane *lane = (struct byok_lane *)*msg;
    struct byok_actor *provider = (*msg)->from;
    int64_t now = byok_now_us(ctx);
    struct byok_task *task = pick(ctx, self, (size_t)(lane - self->lanes), now);
    if (!task) {
        byok_send(ctx, provider, BYOK_MSG_DECLINE, msg);
        return;
    }
    *msg = NULL;
    lane->ready.away = false;
    lane->down_until_us = 0;
    if (!byok_user_is_exempt(task)) {
        task->requests_ticket = byok_limit_take(&self->requests, now, 1);
        task->lane_ticket = byok_breaker_enter(&lane->breaker, now);
    }
    task->ticket = lane->ready.ticket;
    task->joined = false;
    begin(ctx, self, task, now);
    gather(ctx, self, task, provider, now);
    self->calls++;
    lane->calls++;
    byok_send_task(ctx, provider, BYOK_MSG_CALL, &task);
}
