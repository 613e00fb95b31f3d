/* SPDX-License-Identifier: MIT */
/* actors/user/end.c - how a request ends: its outcome is written and goes to the publisher. */
#include "actors/partition/partition.h"
#include "actors/publisher/ledger.h"
#include "actors/user/outcome.h"
#include "actors/user/parts.h"

void byok_user_save_debts(const struct byok_ctx *ctx, struct byok_user *self)
{
    self->record.requests_debt_us = byok_limit_debt_us(&self->requests, byok_now_us(ctx));
    self->record.tokens_debt_us = byok_limit_debt_us(&self->tokens, byok_now_us(ctx));
    self->record.saved_wall_ms = byok_now_wall_ms(ctx);
}

static void uncount(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    byok_outcome_count(&self->record, task, -1, ctx->env->settings->counters_keep_days);
    task->counted = false;
}

/* On an error it is as before: others may be committed before it is tried again. */
static enum byok_err write_outcome(const struct byok_ctx *ctx, struct byok_user *self,
                                   struct byok_task *task)
{
    byok_user_save_debts(ctx, self);
    enum byok_err err = byok_outcome_write(ctx->env, &self->record, task);
    if (err != BYOK_E_OK)
        uncount(ctx, self, task);
    else if (task->finished == 0)
        task->finished = ++self->finished;
    return err;
}

static void publish(struct byok_ctx *ctx, const struct byok_user *self, struct byok_task *task)
{
    enum byok_err code = task->status == BYOK_STATUS_OK ? BYOK_E_OK : task->fault.code;
    atomic_fetch_add_explicit(&ctx->env->metrics->results_by_code[code], 1, memory_order_relaxed);
    byok_log_event(ctx->env->log, BYOK_LOG_DEBUG, "finished",
                   BYOK_F_STR("user", byok_user_id(self)), BYOK_F_STR("id", task->request.id),
                   BYOK_F_TEXT("code", byok_err_name(code)),
                   BYOK_F_INT("attempts", task->attempt_count));
    byok_task_outgoing(ctx->env, task);
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
}

enum byok_err byok_user_finish(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    enum byok_err err = write_outcome(ctx, self, task);
    if (err != BYOK_E_OK)
        return err;
    self->storing = self->storing || byok_user_fences(task);
    publish(ctx, self, task);
    return BYOK_E_OK;
}

static enum byok_status status_of(const struct byok_task *task)
{
    return task->fault.code == BYOK_E_OK ? BYOK_STATUS_OK
           : task->unclear               ? BYOK_STATUS_UNKNOWN
                                         : BYOK_STATUS_ERROR;
}

enum byok_err byok_user_finish_waiting(struct byok_ctx *ctx, struct byok_user *self,
                                       struct byok_task *task)
{
    task->status = status_of(task);
    return byok_user_finish(ctx, self, task);
}

enum byok_err byok_user_finish_both(struct byok_ctx *ctx, struct byok_user *self,
                                    struct byok_task *first, struct byok_task *second)
{
    first->status = status_of(first);
    second->status = status_of(second);
    enum byok_err err = write_outcome(ctx, self, first);
    if (err != BYOK_E_OK)
        return err;
    err = write_outcome(ctx, self, second);
    if (err != BYOK_E_OK) {
        uncount(ctx, self, first);
        first->finished = 0;
        return err;
    }
    first->with_next = true;
    publish(ctx, self, first);
    publish(ctx, self, second);
    return BYOK_E_OK;
}

/* ---- left to the partition's next owner ---- */

void byok_user_drop(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    byok_user_forget(self, task);
    byok_user_budget_drop(self, task);
    if (byok_user_fences(task))
        self->fenced = self->storing = false;
    byok_task_ended(ctx, &task);
}

/* What came of its calls is known, so its claim must not stand when the next owner looks. */
void byok_user_leave_to_next(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    if (byok_ledger_can_withdraw(ctx, task))
        byok_send_task(ctx, ctx->env->ledger, BYOK_MSG_WITHDRAW, &task);
    else
        byok_user_drop(ctx, self, task);
}
