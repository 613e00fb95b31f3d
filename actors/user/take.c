/* SPDX-License-Identifier: MIT */
/* actors/user/take.c - from raw records to decoded requests. */
#include <utlist.h>

#include "actors/partition/deadletter.h"
#include "actors/partition/parked.h"
#include "actors/partition/partition.h"
#include "actors/publisher/payloads.h"
#include "actors/user/authorize.h"
#include "actors/user/outcome.h"
#include "actors/user/parts.h"
#include "actors/user/route.h"

#define PARKING_MAX 1000 /* of a user at once: two batches */

static void set_limits(const struct byok_ctx *ctx, struct byok_user *self)
{
    const struct byok_settings *all = ctx->env->settings;
    byok_limit_set(&self->requests,
                   byok_user_or_default(self->record.requests_per_minute, all->requests_per_minute),
                   all->burst_percent);
    byok_limit_set(&self->tokens,
                   byok_user_or_default(self->record.tokens_per_minute, all->tokens_per_minute),
                   all->burst_percent);
    byok_user_budget_set(ctx, self);
}

enum byok_err byok_user_load(struct byok_ctx *ctx, struct byok_user *self)
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
    byok_user_record_done(&self->record); /* of a try that failed further on */
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
    byok_user_budget_roll(ctx, self);
    int64_t passed_ms = byok_now_wall_ms(ctx) - self->record.saved_wall_ms;
    passed_ms -= 1; /* both are rounded down */
    int64_t passed_us = passed_ms > FAR_US / 1000 ? FAR_US : passed_ms * 1000;
    byok_limit_load(&self->requests, byok_now_us(ctx), self->record.requests_debt_us, passed_us);
    byok_limit_load(&self->tokens, byok_now_us(ctx), self->record.tokens_debt_us, passed_us);
    err = byok_user_find_queue(ctx, self);
    self->loaded = err == BYOK_E_OK;
    if (self->loaded && self->queue.more) /* what came before it was known goes behind it */
        byok_user_spill(ctx, self);
    return err;
}

static size_t arena_cap(const struct byok_settings *settings)
{
    /* the tree, the copy in the provider's form, the answer, the result: each at most about two
     * times its bytes on the wire */
    return 4 * (settings->request_max_bytes + settings->answer_max_bytes);
}

/* Monotonic; `none` for a wall time of 0 or one that is years away. */
static int64_t monotonic_of(const struct byok_ctx *ctx, int64_t wall_ms, int64_t none)
{
    int64_t left_ms = wall_ms - byok_now_wall_ms(ctx);
    return wall_ms == 0 || left_ms > FAR_US / 1000 ? none : byok_now_us(ctx) + left_ms * 1000;
}

/* From the message, and from what happened to it before it was parked. */
static void set_times(const struct byok_ctx *ctx, struct byok_task *task)
{
    const struct byok_request *request = &task->request;
    const struct byok_record *record = task->record;
    struct byok_parked_past past = {0};
    int64_t deadline = request->deadline_wall_ms, start = request->not_before_wall_ms;
    if (byok_parked_past_of(record, &past)) {
        task->leg = past.leg;
        task->attempt_count = task->kept = past.attempt_count;
        task->limited = past.limited;
        memcpy(task->attempts, past.attempts, sizeof task->attempts);
        /* what stands in the state may be wrong */
        for (uint32_t i = 0; i < BYOK_ATTEMPTS_MAX; i++) {
            if (task->attempts[i].leg > request->fallback_count)
                task->attempts[i].leg = 0;
        }
        deadline = past.deadline_wall_ms != 0 ? past.deadline_wall_ms : deadline;
        start = record->place.due_wall_ms > start ? record->place.due_wall_ms : start;
    }
    task->deadline_us = monotonic_of(ctx, deadline, INT64_MAX);
    task->not_before_us = monotonic_of(ctx, start, start == 0 ? 0 : byok_now_us(ctx) + FAR_US);
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
    set_times(ctx, task);
    return BYOK_E_OK;
}

/* Whether a request of this id is in memory. */
static bool is_known(const struct byok_user *self, const struct byok_task *task)
{
    const struct byok_known *same = NULL;
    HASH_FIND(hh, self->known, task->request.id.ptr, task->request.id.len, same);
    return same != NULL;
}

/* Whether this id has been answered already, or is about to be. */
static enum byok_err is_repeat(const struct byok_ctx *ctx, struct byok_user *self,
                               struct byok_task *task, bool *out)
{
    *out = is_known(self, task);
    if (*out)
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
    if (!bytes.ptr || !task->record->is_parked)
        return BYOK_E_OK;
    /* of a parked one the marker is there; if it is elsewhere by now, this is an old copy */
    const struct byok_parked_place *own = &task->record->place;
    struct byok_parked_place place;
    err = byok_parked_marker_decode(bytes, &place);
    if (err == BYOK_E_OK)
        *out = place.due_wall_ms != own->due_wall_ms || place.order != own->order;
    return err == BYOK_E_NOMEM ? err : BYOK_E_OK;
}

/* Of a parked one: of one in memory this is a copy.  Else the state says that the id is done or
 * waits elsewhere, and this place is left over from a batch that was written in part. */
static void pass_over_parked(struct byok_ctx *ctx, const struct byok_user *self,
                             struct byok_task *task)
{
    struct byok_str key = {NULL, 0};
    if (!is_known(self, task))
        key = byok_parked_key(&task->arena, byok_user_id(self), &task->record->place);
    if (key.ptr && byok_outcome_state(task, key, NULL) == BYOK_E_OK)
        byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
    else
        byok_task_ended(ctx, &task);
}

/* Nothing to publish but the offset. */
static void pass_over(struct byok_ctx *ctx, const struct byok_user *self, struct byok_task *task)
{
    if (task->record->is_parked) {
        pass_over_parked(ctx, self, task);
        return;
    }
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_DUPLICATES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_DEBUG, "duplicate", BYOK_F_STR("id", task->request.id),
                   BYOK_F_INT("offset", task->offset));
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
}

static void configure(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    if (byok_configure(ctx->env, &task->request.settings, &self->record, &task->fault) != BYOK_E_OK)
        return;
    if (task->request.settings.budget != BYOK_SETTING_UNCHANGED)
        byok_budget_recall(self->record.spent, byok_now_wall_ms(ctx));
    set_limits(ctx, self);
}

/* Its id is known from now on. */
static enum byok_err list(const struct byok_ctx *ctx, struct byok_user *self,
                          struct byok_task *task)
{
    struct byok_known *line = &task->known;
    HASH_ADD_KEYPTR(hh, self->known, task->request.id.ptr, task->request.id.len, line);
    if (!line->hh.tbl)
        return BYOK_E_NOMEM;
    task->listed = true;
    task->user = ctx->self;
    return BYOK_E_OK;
}

static void admit(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    if (task->fault.code == BYOK_E_OK)
        byok_bulk_look(ctx->env, task);
    if (task->request.type == BYOK_REQUEST_JOB_CANCEL) {
        self->budget_need = 0; /* it may be of that job */
        DL_APPEND(self->cancels, task);
    } else {
        byok_user_window_add(self, task);
    }
    if (byok_user_fences(task))
        self->fenced = true;
    if (task->request.type == BYOK_REQUEST_USER_CONFIGURE)
        configure(ctx, self, task);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_TAKEN_UP, task->record->is_parked);
    byok_task_weigh(ctx->env, task);
}

/* Into the state when it is to wait, else into the window; what is wrong with it stands in
 * task->fault and is told at once. */
static enum byok_err place(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                           bool overflow)
{
    int64_t now = byok_now_us(ctx);
    bool parks = overflow || task->not_before_us > byok_user_parks_at(ctx, now);
    struct byok_fault fault = {0};
    enum byok_err err = byok_authorize(ctx->env, &task->request, &fault);
    if (err == BYOK_E_OK)
        err = byok_route(ctx->env, &self->record, task, &fault);
    if (err == BYOK_E_OK)
        err = byok_speech_look(task, &fault);
    if (err == BYOK_E_OK)
        err = byok_payloads_find(ctx->env, task, &fault);
    if (err != BYOK_E_NOMEM)
        err = list(ctx, self, task);
    if (err != BYOK_E_OK)
        return err;
    struct byok_claim_record claim = {0};
    if (byok_user_is_job(task))
        err = byok_user_find_claim(ctx, self, task, &claim);
    if (err == BYOK_E_NOMEM || err == BYOK_E_STORE) {
        byok_user_forget(self, task);
        return err;
    }
    task->fault = fault;
    if (claim.attempt > 0)
        byok_user_set_leg(ctx, task, claim.leg);
    if (!byok_user_is_job(task) || claim.attempt > 0 || fault.code != BYOK_E_OK ||
        task->deadline_us <= now)
        task->unparkable = true;
    if (parks && !task->unparkable) {
        err = byok_user_park(ctx, self, task, task->not_before_us > now ? task->not_before_us : 0);
        task->unparkable = err == BYOK_E_TOO_LARGE;
    }
    if (!parks || task->unparkable) {
        admit(ctx, self, task);
        if (claim.attempt > 0)
            byok_user_adopt(ctx, task, &claim);
        if (claim.attempt > 0 && byok_task_noted(task) > 0)
            byok_user_budget_unclear(ctx, self, task);
        return BYOK_E_OK;
    }
    if (err != BYOK_E_OK)
        byok_user_forget(self, task);
    return err;
}

static enum byok_err refuse(struct byok_ctx *ctx, struct byok_task *task,
                            const struct byok_fault *fault)
{
    struct byok_record *record = task->record;
    task->record = NULL;
    enum byok_err err = byok_dead_letter(ctx, &record, "decode", fault);
    if (err != BYOK_E_OK)
        task->record = record;
    else
        byok_task_free(task);
    return err;
}

/* Its record once more among the raw ones: it is not what it was taken for. */
static void line_up_again(const struct byok_ctx *ctx, struct byok_user *self,
                          struct byok_task *task)
{
    struct byok_record *record = task->record;
    task->record = NULL;
    record->is_job = byok_user_is_job(task);
    byok_task_free(task);
    if (record->is_job)
        byok_user_line_up(ctx, self, &record);
    else
        byok_queue_push(&self->commands, &record->msg);
}

/* The task of a record that was the first of `from`; on an error both are unchanged. */
static enum byok_err take_one(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                              const struct byok_queue *from)
{
    struct byok_fault fault = {0};
    enum byok_err err = decode(ctx, task, &fault);
    if (err == BYOK_E_NOMEM)
        return err;
    if (err != BYOK_E_OK)
        return refuse(ctx, task, &fault);
    if (byok_user_is_job(task) ? from == &self->commands : from == &self->overflow) {
        line_up_again(ctx, self, task);
        return BYOK_E_OK;
    }
    bool repeat = false;
    err = is_repeat(ctx, self, task, &repeat);
    if (err == BYOK_E_OK && repeat)
        pass_over(ctx, self, task);
    else if (err == BYOK_E_OK)
        err = place(ctx, self, task, from == &self->overflow);
    return err;
}

static enum byok_err take(struct byok_ctx *ctx, struct byok_user *self, struct byok_queue *from)
{
    struct byok_record *record = (struct byok_record *)byok_queue_pop(from);
    size_t bytes = from == &self->backlog ? record->bytes : 0;
    struct byok_task *task = byok_task_new(&record, arena_cap(ctx->env->settings));
    if (task)
        task->unparkable = from == &self->wanted;
    enum byok_err err = task ? take_one(ctx, self, task, from) : BYOK_E_NOMEM;
    if (err == BYOK_E_OK) {
        self->backlog_bytes -= bytes;
        return err;
    }
    if (task) {
        record = task->record;
        task->record = NULL;
        byok_task_free(task);
    }
    byok_queue_return(from, &record->msg); /* where it was */
    return err;
}

enum byok_err byok_user_take_wanted(struct byok_ctx *ctx, struct byok_user *self)
{
    enum byok_err err = BYOK_E_OK;
    while (err == BYOK_E_OK && self->wanted.head)
        err = take(ctx, self, &self->wanted);
    return err;
}

static bool has_room(const struct byok_ctx *ctx, const struct byok_user *self)
{
    return !self->fenced && byok_user_room(ctx, self) > 0;
}

/* A raw record is a fifth of what it is on its way into the state. */
static bool may_spill(const struct byok_user *self)
{
    return self->overflow.head && self->queue.parking_count < PARKING_MAX;
}

bool byok_user_may_fill(const struct byok_ctx *ctx, const struct byok_user *self)
{
    return (!self->fenced && (self->commands.head || may_spill(self))) ||
           (has_room(ctx, self) && (byok_user_may_take(self) || byok_user_may_refill(ctx, self)));
}

enum byok_err byok_user_fill(struct byok_ctx *ctx, struct byok_user *self)
{
    const struct byok_record *oldest =
        self->fenced ? NULL : (const struct byok_record *)self->backlog.head;
    enum byok_err err = BYOK_E_OK;
    if (oldest && byok_user_parks_at(ctx, oldest->taken_us) <= byok_now_us(ctx))
        byok_user_spill(ctx, self);
    while (err == BYOK_E_OK && !self->fenced && self->commands.head)
        err = take(ctx, self, &self->commands);
    while (err == BYOK_E_OK && has_room(ctx, self)) {
        err = byok_user_refill(ctx, self);
        if (!byok_user_may_take(self))
            break;
        if (err == BYOK_E_OK)
            err = take(ctx, self, &self->backlog);
    }
    /* Nothing that came behind a command is parked before the command is committed: the next owner
     * would take it up before it comes to the command. */
    while (err == BYOK_E_OK && !self->fenced && !self->commands.head && may_spill(self))
        err = take(ctx, self, &self->overflow);
    return err;
}
