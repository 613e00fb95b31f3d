/* SPDX-License-Identifier: MIT */
/* actors/user/lane.c - what a user has with each provider: turns, and what its key is found to
 * take.
 *
 * A lane is held up by the user's limits, by how many calls at once the provider was found to take,
 * by a breaker of the user's own, and by the provider's breaker, of which it is told.  What the
 * provider has said of a key (wait) holds up the jobs of that key (actors/user/key.c).  A command
 * passes all of that: it tells the user how the key is, or brings another.
 */
#include "actors/provider/health.h"
#include "actors/publisher/ledger.h"
#include "actors/user/parts.h"
#include "adapters/retry_after.h"
#include "base/mem.h"

/* Longest wait that a good answer's headers bring about; then one call sees how it is. */
#define SPENT_WAIT_MAX_US ((int64_t)60 * 1000000)

struct byok_lane *byok_user_lanes_new(const struct byok_env *env)
{
    struct byok_lane *lanes = byok_new(env->provider_count, sizeof *lanes);
    for (size_t i = 0; lanes && i < env->provider_count; i++) {
        const struct byok_provider_settings *settings = &env->provider_settings[i];
        byok_breaker_init(&lanes[i].breaker, &settings->breaker, lanes[i].tally, 1);
        byok_adaptive_init(&lanes[i].room, 1, settings->concurrency);
    }
    return lanes;
}

/* ---- when ---- */

int64_t byok_user_concurrency(const struct byok_ctx *ctx, const struct byok_user *self)
{
    int64_t own =
        byok_user_or_default(self->record.concurrency, ctx->env->settings->user_concurrency);
    return own == 0 ? INT64_MAX : own;
}

int64_t byok_user_allowed_at(const struct byok_ctx *ctx, const struct byok_user *self,
                             struct byok_task *task, int64_t now)
{
    if (byok_user_is_exempt(task))
        return now;
    if (task->reserved_tokens == 0)
        task->reserved_tokens =
            byok_estimate_tokens(task->speech ? &task->speech->request : &task->request);
    int64_t requests = byok_limit_wait_us(&self->requests, now, 1);
    int64_t tokens = byok_limit_wait_us(&self->tokens, now, task->reserved_tokens);
    int64_t at = now + byok_user_latest(requests, tokens);
    return byok_user_budget_lets(ctx, self, task)
               ? at
               : byok_user_latest(at, byok_user_budget_at(ctx, self, now));
}

int64_t byok_user_up_at(const struct byok_lane *lane, int64_t now)
{
    return byok_user_latest(lane->down_until_us, byok_breaker_at(&lane->breaker, now));
}

/* As many as its key is found to take.  Of a key that is not found to take fewer than the provider
 * the provider counts the calls, and a turn may be ahead of its call (actors/provider/turns.h). */
static bool is_full(const struct byok_ctx *ctx, const struct byok_lane *lane,
                    const struct byok_task *task)
{
    size_t i = (size_t)(task->provider - ctx->env->providers);
    int64_t limit = byok_adaptive_limit(&lane->room);
    return limit < ctx->env->provider_settings[i].concurrency && lane->calls >= limit;
}

int64_t byok_user_goes_at(const struct byok_ctx *ctx, const struct byok_user *self,
                          struct byok_task *task, int64_t now)
{
    const struct byok_lane *lane = byok_user_lane(ctx, self, task);
    if (byok_user_is_exempt(task))
        return now;
    if (is_full(ctx, lane, task))
        return INT64_MAX;
    return byok_user_latest(byok_user_up_at(lane, now), byok_user_allowed_at(ctx, self, task, now));
}

/* ---- from the window to the provider ---- */

/* A user's limits may take as long as they take, but a provider that is away holds a job up no
 * longer than one that fails. */
static void hold(const struct byok_ctx *ctx, const struct byok_user *self,
                 const struct byok_lane *lane, struct byok_task *task, int64_t now)
{
    bool limited =
        self->requests.per_minute > 0 || self->tokens.per_minute > 0 || self->budget.amount > 0;
    if (byok_user_up_at(lane, now) > now && !byok_user_is_exempt(task) &&
        task->deadline_us == INT64_MAX &&
        (!limited || (lane->first == task && byok_user_allowed_at(ctx, self, task, now) <= now)))
        task->deadline_us = now + ctx->env->settings->deadline_us;
}

void byok_user_stand(const struct byok_ctx *ctx, const struct byok_user *self,
                     struct byok_task *task, int64_t now)
{
    struct byok_lane *lane = byok_user_lane(ctx, self, task);
    if (!lane->first || (byok_user_is_exempt(task) && !byok_user_is_exempt(lane->first)))
        lane->first = task;
    hold(ctx, self, lane, task, now);
}

void byok_user_too_late(const struct byok_ctx *ctx, const struct byok_user *self,
                        struct byok_task *task, int64_t now)
{
    if (byok_user_up_at(byok_user_lane(ctx, self, task), now) > now)
        byok_fault_set(&task->fault, BYOK_E_DEADLINE,
                       "the deadline passed while the request waited: calls to provider \"%s\" "
                       "failed, and it was not called again yet",
                       task->provider->name);
    else if (!byok_user_budget_lets(ctx, self, task))
        byok_fault_set(&task->fault, BYOK_E_DEADLINE,
                       "the deadline passed while the request waited: the user's budget for the %s "
                       "is used up",
                       byok_budget_period_name(self->budget.period));
    else
        byok_fault_set(&task->fault, BYOK_E_DEADLINE,
                       "the deadline passed while the request waited");
}

void byok_user_offer(struct byok_ctx *ctx, struct byok_user *self, int64_t now, int64_t *wake_us)
{
    if (self->calls >= byok_user_concurrency(ctx, self) || self->storing)
        return; /* the end of a call, or of the commit, brings us back */
    for (size_t i = 0; i < ctx->env->provider_count; i++) {
        struct byok_lane *lane = &self->lanes[i];
        if (!lane->first || lane->ready.away)
            continue;
        int64_t at = byok_user_goes_at(ctx, self, lane->first, now);
        if (at > now) {
            *wake_us = at < *wake_us ? at : *wake_us;
            continue;
        }
        struct byok_msg *msg = &lane->ready.msg;
        lane->ready.away = true;
        lane->ready.exempt = byok_user_is_exempt(lane->first);
        byok_send(ctx, ctx->env->provider_actors[i], BYOK_MSG_READY, &msg);
    }
}

void byok_user_turned_away(struct byok_msg **msg)
{
    struct byok_lane *lane = (struct byok_lane *)*msg;
    *msg = NULL;
    lane->ready.away = false;
    lane->down_until_us = lane->ready.until_us;
}

/* ---- what is learnt ---- */

/* What the answer's headers say of the key.  How long a refusal makes wait is the retry's to
 * say. */
static void heed_headers(const struct byok_ctx *ctx, const struct byok_user *self,
                         const struct byok_task *task, int64_t now)
{
    struct byok_lane *lane = byok_user_lane(ctx, self, task);
    const struct byok_http_response *response = &task->http.response;
    int64_t wall_ms = byok_now_wall_ms(ctx);
    int64_t wait_ms = byok_rate_wait_ms(response, wall_ms);
    int64_t most = byok_rate_calls_max(response);
    size_t i = (size_t)(task->provider - ctx->env->providers);
    if (wait_ms > SPENT_WAIT_MAX_US / 1000)
        wait_ms = SPENT_WAIT_MAX_US / 1000;
    if (wait_ms > 0 && task->fault.code == BYOK_E_OK)
        (void)byok_user_key_limit(self, task, now + wait_ms * 1000);
    if (most > ctx->env->provider_settings[i].concurrency)
        most = ctx->env->provider_settings[i].concurrency;
    if (most > 0)
        byok_adaptive_cap(&lane->room, most);
}

void byok_user_learn(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    struct byok_lane *lane = byok_user_lane(ctx, self, task);
    int64_t now = byok_now_us(ctx);
    enum byok_err code = task->fault.code;
    if (byok_breaker_leave(&lane->breaker, now, 0, task->lane_ticket, task->verdict,
                           byok_health_chance(ctx->env, task->verdict)))
        byok_log_event(ctx->env->log, BYOK_LOG_INFO,
                       lane->breaker.state == BYOK_BREAKER_CLOSED ? "user_breaker_closed"
                                                                  : "user_breaker_opened",
                       BYOK_F_STR("user", byok_user_id(self)),
                       BYOK_F_TEXT("provider", task->provider->name));
    task->lane_ticket = 0;
    /* a command's key may not be stored, and what it asks for may have limits of its own */
    bool counts = byok_user_is_job(task) && byok_user_key_is_current(self, task);
    if (counts && byok_err_retry(code) == BYOK_RETRY_WAIT)
        byok_adaptive_cut(&lane->room, task->attempt_began_us, now, lane->calls);
    else if (counts && task->verdict == BYOK_VERDICT_GOOD)
        byok_adaptive_good(&lane->room, lane->calls);
    if (counts && task->verdict == BYOK_VERDICT_GOOD)
        heed_headers(ctx, self, task, now);
    task->verdict = BYOK_VERDICT_NONE;
}

/* Those that wait by their own time, since their key was not listed or had too many calls. */
static void release(const struct byok_task *by, struct byok_user *self)
{
    struct byok_task *task;
    DL_FOREACH(self->window, task) {
        const uint32_t noted = byok_task_noted(task);
        if (task->provider == by->provider && noted > 0 && byok_user_is_job(task) &&
            byok_str_eq(task->request.label, by->request.label) &&
            byok_err_retry(task->attempts[noted - 1].code) == BYOK_RETRY_WAIT)
            task->not_before_us = 0;
    }
    self->stale = true;
}

void byok_user_new_key(const struct byok_ctx *ctx, struct byok_user *self,
                       const struct byok_task *task)
{
    const size_t i = (size_t)(task->provider - ctx->env->providers);
    byok_adaptive_init(&self->lanes[i].room, 1, ctx->env->provider_settings[i].concurrency);
    release(task, self);
}
