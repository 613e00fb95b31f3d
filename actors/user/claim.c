/* SPDX-License-Identifier: MIT */
/* actors/user/claim.c - what becomes of a request that an earlier owner has claimed and not done.
 * */
#include "actors/user/parts.h"
#include "actors/user/retry.h"

#define WAIT_MAX_MS ((int64_t)2 * 3600 * 1000) /* twice the longest call; clocks may differ */

enum byok_err byok_user_store_failed(const struct byok_ctx *ctx, const struct byok_user *self,
                                     const struct byok_fault *fault)
{
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "state_unreadable",
                   BYOK_F_INT("partition", self->partition), BYOK_F_TEXT("reason", fault->text));
    return fault->code;
}

/* It was written, so a call may have been sent: nothing else is known. */
static void suppose(const struct byok_ctx *ctx, const struct byok_user *self,
                    struct byok_claim_record *claim)
{
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "claim_damaged",
                   BYOK_F_STR("user", byok_user_id(self)));
    *claim = (struct byok_claim_record){.attempt = 1, .owner = "?"};
    claim->claimed_wall_ms = claim->deadline_wall_ms = byok_now_wall_ms(ctx);
}

/* One of the state's records of the request; NULL: there is none. */
static enum byok_err look_up(const struct byok_ctx *ctx, const struct byok_user *self,
                             struct byok_task *task, struct byok_str key, struct byok_str *out)
{
    struct byok_store *state = ctx->env->state;
    struct byok_fault fault = {0};
    if (!key.ptr)
        return BYOK_E_NOMEM;
    enum byok_err err = state->ops->get(state, self->partition, key, &task->arena, out, &fault);
    return err == BYOK_E_OK ? err : byok_user_store_failed(ctx, self, &fault);
}

enum byok_err byok_user_find_claim(const struct byok_ctx *ctx, const struct byok_user *self,
                                   struct byok_task *task, struct byok_claim_record *claim)
{
    struct byok_str user = byok_user_id(self), id = task->request.id, bytes, taken_back;
    claim->attempt = 0;
    enum byok_err err = look_up(ctx, self, task, byok_claim_key(&task->arena, user, id), &bytes);
    if (err != BYOK_E_OK || !bytes.ptr)
        return err;
    err = look_up(ctx, self, task, byok_withdrawal_key(&task->arena, user, id), &taken_back);
    if (err != BYOK_E_OK)
        return err;
    task->withdrawn = taken_back.ptr != NULL;
    if (task->withdrawn && byok_str_eq(taken_back, bytes))
        return BYOK_E_OK; /* what came of that call is known */
    err = byok_claim_record_decode(bytes, claim);
    if (err == BYOK_E_NOMEM)
        return err;
    if (err != BYOK_E_OK)
        suppose(ctx, self, claim);
    return BYOK_E_OK;
}

/* Whether the job wants the call made again, and when; never before the claim's deadline. */
static bool goes_again(const struct byok_ctx *ctx, struct byok_task *task)
{
    const struct byok_settings *settings = ctx->env->settings;
    const struct byok_retry_policy policy = {settings->attempts_max, settings->backoff_base_us,
                                             settings->backoff_max_us};
    const struct byok_retry_case what = {
        .fault = &task->fault,
        .sent = true,
        .attempts = byok_user_attempts(task),
        .limited = task->limited,
        .on_unknown = task->request.on_unknown,
        .now_us = task->not_before_us,
        .deadline_us = task->deadline_us,
        .random = ctx->env->clock->ops->random(ctx->env->clock),
    };
    return byok_retry_decide(&policy, &what, &task->not_before_us);
}

void byok_user_adopt(const struct byok_ctx *ctx, struct byok_task *task,
                     const struct byok_claim_record *claim)
{
    int64_t left_ms = claim->deadline_wall_ms - byok_now_wall_ms(ctx);
    left_ms = left_ms < 0 ? 0 : left_ms > WAIT_MAX_MS ? WAIT_MAX_MS : left_ms;
    task->not_before_us = byok_now_us(ctx) + left_ms * 1000;
    task->claimed = task->unclear = task->orphan = true;
    uint32_t before = (uint32_t)claim->attempt - 1; /* of them some are told, if it was parked */
    task->attempts_before = before > task->attempt_count ? before - task->attempt_count : 0;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_ORPHANS, 1);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_UNSURE, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "claim_without_outcome",
                   BYOK_F_STR("id", task->request.id), BYOK_F_TEXT("owner", claim->owner),
                   BYOK_F_INT("attempt", claim->attempt), BYOK_F_INT("wait_ms", left_ms));
    if (task->fault.code != BYOK_E_OK || !task->provider)
        return; /* it cannot go out again in any case */
    byok_fault_set(&task->fault, BYOK_E_OUTCOME_LOST,
                   "the worker %s was about to send the call, or had sent it, and went away before "
                   "it could say what came of it",
                   claim->owner);
    *byok_task_attempt(task) = (struct byok_attempt){.started_wall_ms = claim->claimed_wall_ms,
                                                     .code = BYOK_E_OUTCOME_LOST,
                                                     .sent = true,
                                                     .leg = task->leg};
    task->orphan = !goes_again(ctx, task);
    if (!task->orphan)
        task->fault = (struct byok_fault){0};
}
