/* SPDX-License-Identifier: MIT */
/* actors/user/budget.c - what a user's calls cost, and the budget that they must not pass.
 *
 * Before its call a job's estimate is held; with the call's end what it has cost takes its place,
 * still held; with the job's outcome, in the same batch, that moves into what the user has spent.
 * So what is spent is as exact as the counters are, and what is not committed is held, in memory.
 * The claim of a call that a crash has cut off makes the next owner count its estimate.
 */
#include "actors/user/budget.h"

#include "actors/user/parts.h"
#include "base/limits.h"

/* A wall clock that is set right while a job waits for the next day is noticed so soon. */
#define WAIT_MAX_MS ((int64_t)600000)

/* ---- prices ---- */

static bool price(const struct byok_env *env, const struct byok_provider *provider,
                  struct byok_str model, const struct byok_usage *usage, int64_t *out)
{
    struct byok_str names[BYOK_PRICE_NAMES_MAX];
    const size_t count = byok_provider_price_names(provider, names);
    for (size_t i = 0; i < count; i++) {
        if (byok_prices_amount(env->settings->prices, names[i], model, usage, out))
            return true;
    }
    return false;
}

static bool estimate_at(const struct byok_env *env, const struct byok_request *request,
                        const struct byok_provider *provider, struct byok_str model, int64_t *out)
{
    const struct byok_usage usage = byok_estimate_usage(request);
    return price(env, provider, model, &usage, out);
}

/* Of its next call, but of all of a long text before its first part is spoken, for what is spoken
 * in part is of no use; BYOK_BUDGET_UNKNOWN: the table has no price for it. */
static int64_t estimate_of(const struct byok_ctx *ctx, struct byok_task *task)
{
    if (!task->estimated &&
        !estimate_at(ctx->env, byok_speech_holds(task) ? &task->speech->request : &task->request,
                     task->provider, task->model, &task->estimate))
        task->estimate = BYOK_BUDGET_UNKNOWN;
    task->estimated = true;
    return task->estimate;
}

/* By the name of the model that answered, else of the one that was asked for. */
static bool said_cost(const struct byok_env *env, const struct byok_task *task, int64_t *out)
{
    const struct byok_usage *usage = byok_speech_usage(task);
    return price(env, task->provider, task->answer.model, usage, out) ||
           price(env, task->provider, task->model, usage, out);
}

static bool is_said(const struct byok_usage *usage)
{
    return usage->input_tokens >= 0 || usage->output_tokens >= 0 || usage->characters >= 0 ||
           usage->milliseconds >= 0 || usage->images >= 0;
}

/* ---- whether it may go ---- */

static bool is_bound(const struct byok_user *self, const struct byok_task *task)
{
    return self->budget.amount > 0 && !byok_user_is_exempt(task) && task->provider;
}

static bool fits(const struct byok_user *self, int64_t cost)
{
    return byok_budget_fits(&self->budget, self->record.spent[self->budget.period].amount,
                            self->record.budget_held, cost);
}

void byok_user_budget_set(const struct byok_ctx *ctx, struct byok_user *self)
{
    const struct byok_settings *all = ctx->env->settings;
    bool own = self->record.budget >= 0;
    self->budget.amount = own ? self->record.budget : all->budget;
    self->budget.period =
        own ? (enum byok_budget_period)self->record.budget_period : all->budget_period;
    self->budget_need = 0;
    self->stale = true; /* what could not go at all may now, and the other way round */
}

void byok_user_budget_roll(const struct byok_ctx *ctx, struct byok_user *self)
{
    const struct byok_spending *day = &self->record.spent[BYOK_BUDGET_DAY];
    int64_t wall_ms = byok_now_wall_ms(ctx);
    if (wall_ms >= byok_budget_next(BYOK_BUDGET_DAY, day->since_wall_ms)) /* no month begins else */
        byok_budget_roll(self->record.spent, wall_ms);
}

bool byok_user_budget_lets(const struct byok_ctx *ctx, const struct byok_user *self,
                           struct byok_task *task)
{
    return !is_bound(self, task) || fits(self, estimate_of(ctx, task));
}

int64_t byok_user_budget_at(const struct byok_ctx *ctx, const struct byok_user *self, int64_t now)
{
    int64_t wall_ms = byok_now_wall_ms(ctx);
    int64_t since_ms = self->record.spent[self->budget.period].since_wall_ms;
    int64_t next_ms =
        byok_budget_next(self->budget.period, wall_ms > since_ms ? wall_ms : since_ms);
    int64_t wait_ms = next_ms - wall_ms;
    return now + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS) * 1000;
}

enum byok_err byok_user_budget_trouble(const struct byok_ctx *ctx, const struct byok_user *self,
                                       const struct byok_task *task,
                                       const struct byok_provider *provider, struct byok_str model,
                                       bool *has_room)
{
    int64_t cost;
    *has_room = true;
    if (!is_bound(self, task))
        return BYOK_E_OK;
    if (!estimate_at(ctx->env, &task->request, provider, model, &cost))
        return BYOK_E_CONFIG;
    *has_room = fits(self, cost);
    return cost > self->budget.amount ? BYOK_E_OVER_BUDGET : BYOK_E_OK;
}

bool byok_user_budget_fails(const struct byok_ctx *ctx, const struct byok_user *self,
                            struct byok_task *task)
{
    if (!is_bound(self, task))
        return false;
    int64_t cost = estimate_of(ctx, task);
    const double unit = (double)BYOK_MONEY_UNIT;
    if (cost == BYOK_BUDGET_UNKNOWN)
        byok_fault_set(&task->fault, BYOK_E_CONFIG,
                       "the user has a budget, and the table of prices has none for provider "
                       "\"%s\", model \"%.*s\": name it in the file of the worker's setting prices",
                       task->provider->name, BYOK_STR_ARG(task->model));
    else if (cost > self->budget.amount)
        byok_fault_set(&task->fault, BYOK_E_OVER_BUDGET,
                       "the call may cost %.6f, and the user's budget for a %s is %.6f",
                       (double)cost / unit, byok_budget_period_name(self->budget.period),
                       (double)self->budget.amount / unit);
    else
        return false;
    return true;
}

/* ---- those that wait in the state ---- */

void byok_user_budget_leaves(const struct byok_ctx *ctx, struct byok_user *self,
                             struct byok_task *task)
{
    int64_t order = task->record->place.order;
    if (self->budget_need > 0 && self->budget_need_order < order)
        return;
    self->budget_need = estimate_of(ctx, task);
    if (self->budget_need == 0) /* more than all is spent, and what costs nothing waits too */
        self->budget_need = 1;
    self->budget_need_order = order;
}

bool byok_user_budget_bars(const struct byok_user *self)
{
    return self->budget_need > 0 && !fits(self, self->budget_need);
}

/* ---- a call ---- */

void byok_user_budget_hold(const struct byok_ctx *ctx, struct byok_user *self,
                           struct byok_task *task)
{
    task->owes = !byok_user_is_exempt(task);
    if (!is_bound(self, task))
        return;
    task->held_cost = estimate_of(ctx, task);
    byok_budget_add(&self->record.budget_held, task->held_cost);
}

/* What it has cost as far as that can be known; else its estimate. */
static int64_t cost_of(const struct byok_ctx *ctx, const struct byok_user *self,
                       struct byok_task *task)
{
    int64_t cost = 0;
    const int status = task->http.response.status;
    const bool ok = task->fault.code == BYOK_E_OK;
    if ((ok || is_said(byok_speech_usage(task))) && said_cost(ctx->env, task, &cost))
        return cost;
    if ((!ok && status >= 300) || !is_bound(self, task)) /* a refusal costs nothing */
        return 0;
    cost = estimate_of(ctx, task);
    return cost == BYOK_BUDGET_UNKNOWN ? 0 : cost;
}

static void spend(struct byok_user *self, struct byok_task *task, int64_t cost)
{
    byok_budget_add(&task->spent_cost, cost);
    byok_budget_add(&self->record.budget_held, cost);
}

void byok_user_budget_settle(const struct byok_ctx *ctx, struct byok_user *self,
                             struct byok_task *task)
{
    if (!task->owes)
        return;
    if (task->http.sent)
        spend(self, task, cost_of(ctx, self, task));
    byok_budget_add(&self->record.budget_held, -task->held_cost);
    task->held_cost = 0;
    task->owes = false;
    task->estimated = false; /* the next part of a text is another one */
}

void byok_user_budget_unclear(const struct byok_ctx *ctx, struct byok_user *self,
                              struct byok_task *task)
{
    if (is_bound(self, task) && estimate_of(ctx, task) != BYOK_BUDGET_UNKNOWN)
        spend(self, task, task->estimate);
}

/* ---- what is spent ---- */

void byok_budget_begins(const struct byok_user_record *user, struct byok_task *task)
{
    for (int i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++)
        task->spent_since_ms[i] = user->spent[i].since_wall_ms;
}

void byok_budget_count(struct byok_user_record *user, const struct byok_task *task, int sign)
{
    for (int i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++) {
        if (task->spent_since_ms[i] == user->spent[i].since_wall_ms)
            byok_budget_add(&user->spent[i].amount, sign * task->spent_cost);
    }
    byok_budget_add(&user->budget_held, -sign * task->spent_cost);
}

void byok_user_budget_park(struct byok_user *self, struct byok_task *task)
{
    byok_budget_begins(&self->record, task);
    byok_budget_count(&self->record, task, 1);
    task->spent_cost = 0;
}

void byok_user_budget_drop(struct byok_user *self, struct byok_task *task)
{
    byok_budget_add(&self->record.budget_held, -task->held_cost);
    if (!task->counted)
        byok_budget_add(&self->record.budget_held, -task->spent_cost);
    task->held_cost = task->spent_cost = 0;
}
