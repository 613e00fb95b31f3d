/* SPDX-License-Identifier: MIT */
/* actors/user_take.c - from raw records to decoded requests. */
#include <utlist.h>

#include "actors/authorize.h"
#include "actors/deadletter.h"
#include "actors/partition.h"
#include "actors/route.h"
#include "actors/user_parts.h"

static void set_limits(const struct byok_ctx *ctx, struct byok_user *self)
{
    const struct byok_settings *all = ctx->env->settings;
    byok_limit_set(&self->requests,
                   byok_user_or_default(self->record.requests_per_minute, all->requests_per_minute),
                   all->burst_percent);
    byok_limit_set(&self->tokens,
                   byok_user_or_default(self->record.tokens_per_minute, all->tokens_per_minute),
                   all->burst_percent);
}

enum byok_err byok_user_store_failed(const struct byok_ctx *ctx, const struct byok_user *self,
                                     const struct byok_fault *fault)
{
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "state_unreadable",
                   BYOK_F_INT("partition", self->partition), BYOK_F_TEXT("reason", fault->text));
    return fault->code;
}

enum byok_err byok_user_load(const struct byok_ctx *ctx, struct byok_user *self)
{
    struct byok_store *state = ctx->env->state;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_user_key(&arena, byok_user_id(self)), bytes;
    struct byok_fault fault = {0};
    if (!key.ptr)
        return BYOK_E_NOMEM;
    enum byok_err err = state->ops->get(state, self->partition, key, &arena, &bytes, &fault);
    if (err != BYOK_E_OK)
        return byok_user_store_failed(ctx, self, &fault);
    byok_user_record_init(&self->record);
    if (bytes.ptr)
        err = byok_user_record_decode(bytes, &arena, &self->record);
    if (err == BYOK_E_BAD_MESSAGE) {
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "user_record_damaged",
                       BYOK_F_STR("user", byok_user_id(self)),
                       BYOK_F_TEXT("effect", "the user has the default limits and no counters"));
        byok_user_record_init(&self->record);
        err = BYOK_E_OK;
    }
    if (err != BYOK_E_OK)
        return err;
    set_limits(ctx, self);
    int64_t passed_ms = ctx->env->clock->ops->wall_ms(ctx->env->clock) - self->record.saved_wall_ms;
    passed_ms -= 1; /* both are rounded down */
    int64_t passed_us = passed_ms > FAR_US / 1000 ? FAR_US : passed_ms * 1000;
    byok_limit_load(&self->requests, byok_user_now_us(ctx), self->record.requests_debt_us,
                    passed_us);
    byok_limit_load(&self->tokens, byok_user_now_us(ctx), self->record.tokens_debt_us, passed_us);
    self->loaded = true;
    return BYOK_E_OK;
}

static size_t arena_cap(const struct byok_settings *settings)
{
    /* the tree, the copy in the provider's form, the answer, the result: each at most about two
     * times its bytes on the wire */
    return 4 * (settings->request_max_bytes + settings->answer_max_bytes);
}

static enum byok_err decode(const struct byok_ctx *ctx, struct byok_task *task,
                            struct byok_fault *fault)
{
    struct byok_record *record = task->record;
    struct byok_request *request = &task->request;
    enum byok_err err =
        byok_request_decode(&task->arena, byok_record_header_of(record, BYOK_HEADER_CONTENT_TYPE),
                            record->key, record->value, record->timestamp_wall_ms, request, fault);
    if (err == BYOK_E_NOMEM && task->arena.overflow)
        return byok_fault_set(fault, BYOK_E_TOO_LARGE,
                              "the request takes more memory than a job may have");
    if (err != BYOK_E_OK)
        return err;
    struct byok_str trace = byok_record_header_of(record, BYOK_HEADER_TRACEPARENT);
    if (request->traceparent.len == 0 && trace.len <= BYOK_TRACEPARENT_MAX)
        request->traceparent = trace;
    task->deadline_us = INT64_MAX;
    if (request->deadline_wall_ms != 0) {
        int64_t left_ms =
            request->deadline_wall_ms - ctx->env->clock->ops->wall_ms(ctx->env->clock);
        if (left_ms < FAR_US / 1000)
            task->deadline_us = byok_user_now_us(ctx) + left_ms * 1000;
    }
    return BYOK_E_OK;
}

/* Whether this id has been answered already, or is about to be. */
static enum byok_err is_repeat(const struct byok_ctx *ctx, struct byok_user *self,
                               struct byok_task *task, bool *out)
{
    struct byok_known *same = NULL;
    HASH_FIND(hh, self->known, task->request.id.ptr, task->request.id.len, same);
    *out = same != NULL;
    if (same)
        return BYOK_E_OK;
    struct byok_store *state = ctx->env->state;
    struct byok_str key = byok_done_key(&task->arena, byok_user_id(self), task->request.id), bytes;
    struct byok_fault fault = {0};
    if (!key.ptr)
        return BYOK_E_NOMEM;
    enum byok_err err = state->ops->get(state, self->partition, key, &task->arena, &bytes, &fault);
    if (err != BYOK_E_OK)
        return byok_user_store_failed(ctx, self, &fault);
    *out = bytes.ptr != NULL;
    return BYOK_E_OK;
}

/* Nothing to publish but the offset. */
static void pass_over(struct byok_ctx *ctx, struct byok_task *task)
{
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_DUPLICATES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_DEBUG, "duplicate", BYOK_F_STR("id", task->request.id),
                   BYOK_F_INT("offset", task->offset));
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
}

static void configure(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    if (byok_configure(ctx->env, &task->request.settings, &self->record, &task->fault) == BYOK_E_OK)
        set_limits(ctx, self);
}

/* A decoded request takes its place; what is wrong with it stands in task->fault. */
static enum byok_err admit(const struct byok_ctx *ctx, struct byok_user *self,
                           struct byok_task *task)
{
    struct byok_fault fault = {0};
    enum byok_err err = byok_authorize(ctx->env, &task->request, &fault);
    if (err == BYOK_E_OK)
        err = byok_route(ctx->env, &self->record, task, &fault);
    if (err == BYOK_E_NOMEM)
        return err;
    struct byok_known *line = &task->known;
    HASH_ADD_KEYPTR(hh, self->known, task->request.id.ptr, task->request.id.len, line);
    if (!line->hh.tbl)
        return BYOK_E_NOMEM;
    task->listed = true;
    task->user = ctx->self;
    task->fault = fault;
    DL_APPEND(self->window, task);
    self->window_count++;
    if (!byok_user_is_job(task))
        self->fenced = true;
    if (task->request.type == BYOK_REQUEST_USER_CONFIGURE)
        configure(ctx, self, task);
    return BYOK_E_OK;
}

/* The task of the first record; the record is popped when it is settled what becomes of it. */
static enum byok_err take_one(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    struct byok_fault fault = {0};
    enum byok_err err = decode(ctx, task, &fault);
    if (err == BYOK_E_NOMEM)
        return err;
    if (err != BYOK_E_OK) {
        struct byok_record *record = task->record;
        task->record = NULL;
        err = byok_dead_letter(ctx, &record, "decode", &fault);
        if (err != BYOK_E_OK)
            task->record = record;
        else
            byok_task_free(task);
        return err;
    }
    bool repeat = false;
    err = is_repeat(ctx, self, task, &repeat);
    if (err != BYOK_E_OK)
        return err;
    if (repeat) {
        pass_over(ctx, task);
        return BYOK_E_OK;
    }
    struct byok_claim_record claim = {0};
    if (byok_user_is_job(task))
        err = byok_user_find_claim(ctx, self, task, &claim);
    if (err == BYOK_E_OK)
        err = admit(ctx, self, task);
    if (err != BYOK_E_OK)
        return err;
    if (claim.attempt > 0)
        byok_user_adopt(ctx, task, &claim);
    byok_task_weigh(ctx->env, task);
    return BYOK_E_OK;
}

enum byok_err byok_user_fill(struct byok_ctx *ctx, struct byok_user *self)
{
    while (self->backlog && !self->fenced && self->window_count < ctx->env->settings->window) {
        struct byok_record *record = self->backlog;
        struct byok_msg *behind = record->msg.next;
        struct byok_task *task = byok_task_new(&record, arena_cap(ctx->env->settings));
        if (!task)
            return BYOK_E_NOMEM;
        byok_user_pop_backlog(self);
        task->record->msg.next = NULL;
        enum byok_err err = take_one(ctx, self, task);
        if (err == BYOK_E_OK)
            continue;
        record = task->record; /* back to where it was */
        task->record = NULL;
        byok_task_free(task);
        record->msg.next = behind;
        self->backlog = record;
        if (!behind)
            self->backlog_last = record;
        return err;
    }
    return BYOK_E_OK;
}
