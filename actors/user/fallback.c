/* SPDX-License-Identifier: MIT */
/* actors/user/fallback.c - jobs that go to another provider, when they name some ("fallbacks").
 *
 * A job's legs are its own provider and model, then its fallbacks.  Each is called once, in order,
 * those that are known to be away only when no other is left; the last one that was called is
 * called again as a job without fallbacks would be.  A leg was called, or passed over for want of a
 * key, when one of the job's attempts says so, which goes along when the job is parked.
 * No call follows one of unknown outcome, unless the job says on_unknown: retry.  A text that is
 * spoken in parts stays where the first of them was spoken.
 */
#include "actors/user/outcome.h"
#include "actors/user/parts.h"

/* Rather than that a call failed. */
static bool is_pass(const struct byok_attempt *attempt)
{
    return !attempt->sent && byok_err_retry(attempt->code) == BYOK_RETRY_NEVER;
}

uint32_t byok_user_attempts(const struct byok_task *task)
{
    uint32_t count = task->attempts_before + task->attempt_count;
    for (uint32_t i = 0; i < byok_task_noted(task); i++)
        count -= is_pass(&task->attempts[i]);
    return count;
}

static bool is_spent(const struct byok_task *task, uint32_t leg)
{
    for (uint32_t i = 0; i < byok_task_noted(task); i++) {
        if (task->attempts[i].leg == leg)
            return true;
    }
    return false;
}

/* Of more attempts than are noted a leg would look new again, and a call would be lost. */
static bool has_room(const struct byok_task *task)
{
    return task->attempts_before + task->attempt_count < BYOK_ATTEMPTS_MAX;
}

static void pass_over(const struct byok_ctx *ctx, struct byok_task *task, uint8_t leg,
                      enum byok_err code)
{
    if (!has_room(task))
        return;
    *byok_task_attempt(task) =
        (struct byok_attempt){.started_wall_ms = byok_now_wall_ms(ctx), .code = code, .leg = leg};
}

/* ---- to which ---- */

/* A key that its provider refuses is tried by the jobs that have no other place to go to. */
static enum byok_err key_trouble(const struct byok_user *self, const struct byok_task *task,
                                 uint8_t leg, int64_t now)
{
    const struct byok_user_key *key =
        byok_user_key_find(&self->record, task->legs[leg].provider, task->legs[leg].label);
    if (!key)
        return BYOK_E_NO_KEY;
    return key->invalid_wall_ms > 0 && key->probe_us > now ? BYOK_E_KEY_INVALID : BYOK_E_OK;
}

/* When the job might go to that leg; a wait that passes its deadline is for ever. */
static int64_t there_at(const struct byok_ctx *ctx, const struct byok_user *self,
                        const struct byok_task *task, uint8_t leg, int64_t now)
{
    const struct byok_str provider = task->legs[leg].provider;
    const struct byok_user_key *key =
        byok_user_key_find(&self->record, provider, task->legs[leg].label);
    if (key && key->limited_until_us >= task->deadline_us)
        return INT64_MAX;
    return byok_user_up_at(&self->lanes[byok_env_provider(ctx->env, provider)], now);
}

static bool may_leave(const struct byok_ctx *ctx, const struct byok_task *task)
{
    return task->legs && task->deadline_us > byok_now_us(ctx) && !byok_speech_holds(task) &&
           !(task->unclear && task->request.on_unknown == BYOK_ON_UNKNOWN_REPORT);
}

/* The first that was not called yet, has a key, and is there (or `away`). */
static bool choose(const struct byok_ctx *ctx, const struct byok_user *self, struct byok_task *task,
                   bool away, uint8_t *out, int64_t *wake_us)
{
    const int64_t now = byok_now_us(ctx);
    for (uint8_t leg = 0; leg <= task->request.fallback_count && has_room(task); leg++) {
        if (leg == task->leg || is_spent(task, leg))
            continue;
        enum byok_err trouble = key_trouble(self, task, leg, now);
        bool has_room = true;
        if (trouble == BYOK_E_OK)
            trouble = byok_user_budget_trouble(
                ctx, self, task,
                &ctx->env->providers[byok_env_provider(ctx->env, task->legs[leg].provider)],
                task->legs[leg].model, &has_room);
        const int64_t at = byok_user_latest(there_at(ctx, self, task, leg, now),
                                            has_room ? now : byok_user_budget_at(ctx, self, now));
        *out = leg;
        if (trouble != BYOK_E_OK)
            pass_over(ctx, task, leg, trouble);
        else if (away || at <= now)
            return true;
        else if (at < *wake_us)
            *wake_us = at;
    }
    return false;
}

/* ---- there ---- */

/* What of the task depends on its provider.  On an error it is as it was. */
static enum byok_err set_leg(const struct byok_ctx *ctx, struct byok_task *task, uint8_t leg)
{
    const struct byok_provider *provider = task->provider;
    const struct byok_str model = task->model, label = task->request.label;
    struct byok_speech *speech = task->speech;
    struct byok_fault fault = {0};
    task->provider = &ctx->env->providers[byok_env_provider(ctx->env, task->legs[leg].provider)];
    task->model = task->legs[leg].model;
    task->request.label = task->legs[leg].label;
    enum byok_err err = byok_speech_look(task, &fault);
    if (err != BYOK_E_OK) {
        task->provider = provider;
        task->model = model;
        task->request.label = label;
        task->speech = speech;
        return err;
    }
    task->leg = leg;
    task->estimated = false; /* another price */
    return BYOK_E_OK;
}

void byok_user_set_leg(const struct byok_ctx *ctx, struct byok_task *task, int64_t leg)
{
    if (task->legs && leg <= task->request.fallback_count)
        (void)set_leg(ctx, task, (uint8_t)leg);
}

/* What was found out at the leg that it has left is no more, but its key is to be audited.  Its
 * claim, if it has one, names that leg's provider, so it lets nothing go any more. */
static void begin_anew(const struct byok_ctx *ctx, struct byok_task *task, uint8_t left)
{
    memcpy(task->leg_keys[left].fingerprint, task->key.fingerprint, sizeof task->key.fingerprint);
    byok_bulk_look(ctx->env, task);
    task->claim_until_us = 0;
    task->key = (struct byok_key_info){0};
    task->answer = (struct byok_answer){.usage = BYOK_USAGE_UNSAID};
    task->fault = (struct byok_fault){0};
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_FALLBACKS, 1);
}

/* False: there is none to go to, or no memory. */
static bool leave(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                  bool away, int64_t *wake_us)
{
    uint8_t leg;
    while (choose(ctx, self, task, away, &leg, wake_us)) {
        const uint8_t left = task->leg;
        byok_outcome_key_used(&self->record, task, byok_now_wall_ms(ctx));
        enum byok_err err = set_leg(ctx, task, leg);
        if (err == BYOK_E_OK)
            begin_anew(ctx, task, left);
        if (err == BYOK_E_OK || err == BYOK_E_NOMEM)
            return err == BYOK_E_OK;
        pass_over(ctx, task, leg, err); /* a long text that is not to be joined there */
    }
    return false;
}

/* ---- when ---- */

/* Whether its failure is one for which another is called; a limit of the key is waited for while
 * that is possible. */
static bool calls_for_another(const struct byok_task *task, bool last)
{
    switch (task->fault.code) {
    case BYOK_E_OVERLOADED:
    case BYOK_E_SERVER_ERROR:
    case BYOK_E_UNREACHABLE:
    case BYOK_E_TIMEOUT:
    case BYOK_E_CUT_OFF:
        return true;
    case BYOK_E_RATE_LIMITED:
    case BYOK_E_CONCURRENCY_LIMITED:
        return last;
    case BYOK_E_NO_KEY: /* deleted meanwhile */
    case BYOK_E_KEY_EXPIRED:
        return task->leg > 0;
    default:
        return false;
    }
}

bool byok_user_falls_back(const struct byok_ctx *ctx, struct byok_user *self,
                          struct byok_task *task, bool last)
{
    int64_t wake_us = INT64_MAX; /* whoever waits for it is woken when it is looked over */
    if (!may_leave(ctx, task) || !calls_for_another(task, last))
        return false;
    if (!is_spent(task, task->leg)) /* it was not called, for want of a key */
        pass_over(ctx, task, task->leg, task->fault.code);
    return leave(ctx, self, task, false, &wake_us) ||
           (last && leave(ctx, self, task, true, &wake_us));
}

void byok_user_avoid(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                     int64_t now, int64_t *wake_us)
{
    if (!may_leave(ctx, task) || task->fault.code != BYOK_E_OK || task->cancelled ||
        byok_user_due(ctx, self, task) > now || there_at(ctx, self, task, task->leg, now) <= now)
        return;
    self->bulk_count -= task->bulk_texts > 0;
    (void)leave(ctx, self, task, false, wake_us);
    self->bulk_count += task->bulk_texts > 0;
}
