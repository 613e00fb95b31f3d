/* SPDX-License-Identifier: MIT */
/* actors/provider/provider.c - one provider's calls in this shard: keys, claims, attempts.
 *
 * Who goes next is decided in actors/provider/turns.c.
 * A call: lease a slot, have the vault put the key into it, let the adapter build the request, have
 * the ledger note it, send it, give the slot back, let the adapter read the answer.
 */
#include "actors/provider/provider.h"

#include <assert.h>

#include <utlist.h>

#include "actors/env.h"
#include "actors/limits/limit.h"
#include "actors/partition/partition.h"
#include "actors/provider/bulk.h"
#include "actors/provider/cleanse.h"
#include "actors/provider/speech.h"
#include "actors/provider/streaming.h"
#include "actors/provider/turns.h"
#include "actors/publisher/ledger.h"

#define READY_LOOK_US ((int64_t)50000)
#define SLOT_RETRY_US ((int64_t)5000) /* other shards give slots back without a word */

struct provider {
    const struct byok_provider *what;
    const struct byok_provider_settings *settings;
    struct byok_turns turns;
    struct byok_task *waiting;         /* for a slot */
    struct byok_task *ready;           /* have key and claim; wait until a call may be made */
    struct byok_task *sent;            /* in the HTTP port */
    struct byok_task *joined;          /* in the call of another, or waiting for others' claims */
    struct byok_timer slot_retry;
    struct byok_timer ready_look; /* some that are ready may have to go back */
    struct byok_timer deltas;     /* when some are due */
};

/* ---- the way of a call ---- */

static void end_turn(struct byok_ctx *ctx, struct provider *self, struct byok_task *task,
                     bool called)
{
    byok_slots_release(ctx->env->slots, &task->slot);
    byok_turns_end(ctx, &self->turns, task, called);
    struct byok_task *other;
    for (uint32_t i = 1; (other = byok_bulk_member(task, i)) != NULL; i++) {
        DL_DELETE(self->joined, other);
        byok_send_task(ctx, other->user, BYOK_MSG_ENDED, &other);
    }
    byok_send_task(ctx, task->user, BYOK_MSG_ENDED, &task);
}

/* To the vault, when there is a slot. */
static bool lease(struct byok_ctx *ctx, struct byok_task *task)
{
    task->slot = byok_slots_lease(ctx->env->slots);
    task->slots = ctx->env->slots;
    if (!task->slot)
        return false;
    task->attempt_began_us = byok_now_us(ctx);
    bool registers = byok_request_stores_key(task->request.type);
    byok_send_task(ctx, ctx->env->vault, registers ? BYOK_MSG_REGISTER : BYOK_MSG_UNSEAL, &task);
    return true;
}

static void lease_waiting(struct byok_ctx *ctx, struct provider *self)
{
    while (self->waiting) {
        struct byok_task *task = self->waiting;
        DL_DELETE(self->waiting, task);
        if (lease(ctx, task))
            continue;
        DL_PREPEND(self->waiting, task);
        byok_timer_set(ctx, &self->slot_retry, byok_now_us(ctx) + SLOT_RETRY_US);
        return;
    }
}

static bool any_cancelled(struct byok_task *task)
{
    const struct byok_task *member;
    for (uint32_t i = 0; (member = byok_bulk_member(task, i)) != NULL; i++) {
        if (member->cancelled)
            return true;
    }
    return false;
}

/* Their slots may be long in coming. */
static void end_cancelled(struct byok_ctx *ctx, struct provider *self)
{
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(self->waiting, task, next) {
        if (!any_cancelled(task))
            continue;
        DL_DELETE(self->waiting, task);
        task->late = true;
        byok_bulk_spread(task);
        end_turn(ctx, self, task, false);
    }
}

static void on_call(struct provider *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    task->late = task->calling = task->more = false;
    byok_streaming_free(task->streaming);
    task->streaming = NULL;
    byok_buf_done(&task->http.body);
    task->http = (struct byok_http_call){0};
    task->answer = (struct byok_answer){.usage = BYOK_USAGE_UNSAID};
    if (task->speech)
        task->answer.usage = task->speech->usage;
    if (task->joined)
        DL_APPEND(self->joined, task);
    else
        DL_APPEND(self->waiting, task);
}

static struct byok_adapter_call adapter_call(const struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_str before, after;
    byok_speech_context(task, &before, &after);
    return (struct byok_adapter_call){
        .arena = task->bulk ? &task->bulk->arena : &task->arena,
        .provider = task->provider,
        .request = task->bulk     ? &task->bulk->request
                   : task->speech ? &task->speech->request
                                  : &task->request,
        .before = before,
        .after = after,
        .model = task->model,
        .attempt_id = byok_arena_printf(&task->arena, "%.*s/%u", BYOK_STR_ARG(task->request.id),
                                        task->attempts_before + task->attempt_count + 1),
        .wall_ms = byok_now_wall_ms(ctx),
        .file = task->upload,
    };
}

static enum byok_err build(const struct byok_ctx *ctx, struct byok_task *task)
{
    const struct byok_adapter *adapter = task->provider->adapter;
    enum byok_err err = task->bulk ? byok_bulk_merge(ctx->env->settings, task->bulk) : BYOK_E_OK;
    const struct byok_adapter_call call = adapter_call(ctx, task);
    struct byok_fault fault = {0};
    if (err == BYOK_E_OK)
        err = task->request.type == BYOK_REQUEST_JOB
                  ? adapter->ops[task->request.capability].build(&call, &task->http.request, &fault)
                  : adapter->build_key_check(&call, &task->http.request, &fault);
    if (err == BYOK_E_OK && (byok_arena_failed(&task->arena) || byok_arena_failed(call.arena)))
        err = BYOK_E_NOMEM;
    if (err == BYOK_E_OK && byok_http_path_climbs(task->http.request.url))
        err = byok_fault_set(&fault, BYOK_E_BAD_REQUEST,
                             "a name in the job would lead to another path of the provider");
    if (err == BYOK_E_TOO_LARGE || (err == BYOK_E_NOMEM && call.arena->overflow))
        err = byok_fault_set(&fault, BYOK_E_TOO_LARGE,
                             "the request takes more memory than a job may have");
    if (err != BYOK_E_NOMEM)
        task->fault = fault;
    return err;
}

static void send_call(struct byok_ctx *ctx, struct provider *self, struct byok_task *task)
{
    struct byok_http_call *call = &task->http;
    int64_t left_us = task->deadline_us - byok_now_us(ctx);
    call->slot = task->slot;
    call->auth_header = self->what->auth_header;
    call->auth_prefix = self->what->auth_prefix;
    call->upload = task->upload;
    call->arena = &task->arena;
    call->timeout_us = left_us < self->settings->timeout_us ? left_us : self->settings->timeout_us;
    call->connect_timeout_us = self->settings->connect_timeout_us;
    call->answer_max_bytes = byok_bulk_answer_max(ctx->env->settings, task);
    call->reply_to = ctx->self;
    call->reply = &task->msg;
    task->attempt_began_us = byok_now_us(ctx);
    byok_turns_call(&self->turns);
    DL_APPEND(self->sent, task);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_CALLS, 1);
    struct byok_task *member;
    for (uint32_t i = 0; (member = byok_bulk_member(task, i)) != NULL; i++) {
        member->calling = true;
        member->claim_until_us = 0; /* used up */
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_REPEATED, member->unclear);
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_JOINED, i > 0);
    }
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_IN_FLIGHT, 1);
    ctx->env->http->ops->send(ctx->env->http, call);
}

/* Held up for a slot, at the vault or by its claim: sent now, it would crowd the window of others.
 * Or the claim has grown old, or could not be made: it takes another turn.  Or it was cancelled,
 * for which it goes back, too. */
static bool is_late(const struct byok_ctx *ctx, const struct byok_task *task)
{
    if (task->cancelled)
        return true;
    return task->turn_us != 0 && byok_now_us(ctx) - task->turn_us > BYOK_LIMIT_SLACK_US;
}

static bool is_over(const struct byok_ctx *ctx, struct byok_task *task)
{
    if (task->deadline_us > byok_now_us(ctx))
        return false;
    byok_fault_set(&task->fault, BYOK_E_DEADLINE, "the deadline passed before the call");
    return true;
}

/* It has opened since the turn was given, which was no probe's. */
static bool is_shut_out(const struct provider *self, const struct byok_task *task)
{
    return task->request.type == BYOK_REQUEST_JOB &&
           self->turns.health.breaker.state != BYOK_BREAKER_CLOSED &&
           task->ticket != self->turns.health.breaker.ticket;
}

/* The last look before the first byte.  Of those that share a call none goes when one may not: the
 * others take another turn. */
static bool may_go(const struct byok_ctx *ctx, const struct provider *self, struct byok_task *task)
{
    struct byok_task *member;
    bool goes = !is_shut_out(self, task);
    for (uint32_t i = 0; (member = byok_bulk_member(task, i)) != NULL; i++) {
        bool over = is_over(ctx, member);
        goes = goes && !over && !is_late(ctx, member) && byok_ledger_lets_go(ctx, member);
    }
    return goes;
}

static void end_unsent(struct byok_ctx *ctx, struct provider *self, struct byok_task *task)
{
    struct byok_task *member;
    for (uint32_t i = 0; (member = byok_bulk_member(task, i)) != NULL; i++) {
        member->late = member->fault.code == BYOK_E_OK;
        member->key = task->key;
    }
    end_turn(ctx, self, task, false);
}

/* It has its key, and its claim when it needs one. */
static void become_ready(struct byok_ctx *ctx, struct provider *self, struct byok_task *task)
{
    byok_turns_ready(&self->turns, byok_now_us(ctx) - task->attempt_began_us);
    if (task->request.type == BYOK_REQUEST_JOB)
        DL_APPEND(self->ready, task);
    else
        DL_PREPEND(self->ready, task);
}

static void send_ready(struct byok_ctx *ctx, struct provider *self)
{
    while (self->ready && byok_turns_has_room(&self->turns)) {
        struct byok_task *task = self->ready;
        DL_DELETE(self->ready, task);
        if (may_go(ctx, self, task))
            send_call(ctx, self, task);
        else
            end_unsent(ctx, self, task);
    }
    if (self->ready && !self->ready_look.set)
        byok_timer_set(ctx, &self->ready_look, byok_now_us(ctx) + READY_LOOK_US);
}

/* Cancelled, lost or too old by now; calls that take long may keep the others waiting. */
static void end_stale(struct byok_ctx *ctx, struct provider *self)
{
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(self->ready, task, next) {
        if (may_go(ctx, self, task))
            continue;
        DL_DELETE(self->ready, task);
        end_unsent(ctx, self, task);
    }
}

/* A durable note of each that needs one; the call goes when the last of them is there. */
static void claim(struct byok_ctx *ctx, struct provider *self, struct byok_task *task)
{
    struct byok_bulk *bulk = task->bulk;
    if (!bulk) {
        if (byok_ledger_wants(ctx, task))
            byok_send_task(ctx, ctx->env->ledger, BYOK_MSG_CLAIM, &task);
        else
            become_ready(ctx, self, task);
        return;
    }
    DL_APPEND(self->joined, task);
    for (uint32_t i = 0; i < bulk->count; i++) {
        struct byok_task *member = bulk->members[i];
        if (!byok_ledger_wants(ctx, member))
            continue;
        bulk->claiming++;
        DL_DELETE(self->joined, member);
        byok_send_task(ctx, ctx->env->ledger, BYOK_MSG_CLAIM, &member);
    }
    if (bulk->claiming > 0)
        return;
    DL_DELETE(self->joined, task);
    become_ready(ctx, self, task);
}

/* The key is in the slot, or the vault has said why not. */
static enum byok_err on_opened(struct byok_ctx *ctx, struct provider *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    /* lost while it waited for a slot or the vault: the call is the next owner's to make */
    bool ours = byok_partition_current(ctx->env->partitions, task->partition, task->epoch);
    bool calls =
        ours && task->fault.code == BYOK_E_OK && !task->request.dry_run && !is_over(ctx, task);
    if (calls && is_late(ctx, task)) {
        task->late = true;
        calls = false;
    }
    if (calls) {
        task->arena.failed = false; /* of an earlier try */
        enum byok_err err = build(ctx, task);
        if (err == BYOK_E_OK && task->request.stream)
            err = byok_streaming_begin(ctx->env, task);
        if (err == BYOK_E_NOMEM)
            return err;
        calls = err == BYOK_E_OK;
    }
    *msg = NULL;
    if (calls) {
        claim(ctx, self, task);
        return BYOK_E_OK;
    }
    byok_bulk_spread(task);
    end_turn(ctx, self, task, false);
    return BYOK_E_OK;
}

static void on_claimed(struct byok_ctx *ctx, struct provider *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    if (task->note.fault.code != BYOK_E_OK)
        task->claim_until_us = 0; /* it may stand or not, so it lets nothing go */
    if (task->bulk) {
        DL_APPEND(self->joined, task);
        if (--task->bulk->claiming > 0)
            return;
        task = task->bulk->members[0];
        DL_DELETE(self->joined, task);
    }
    become_ready(ctx, self, task);
}

/* ---- the answer ---- */

static void set_deltas_due(struct byok_ctx *ctx, struct provider *self, int64_t due_us)
{
    if (due_us != INT64_MAX && (!self->deltas.set || due_us < self->deltas.due_us))
        byok_timer_set(ctx, &self->deltas, due_us);
}

static void on_bytes(struct byok_ctx *ctx, struct provider *self, struct byok_msg **msg)
{
    struct byok_task *task = ((struct byok_streaming *)*msg)->task;
    *msg = NULL;
    task->http.bytes_away = false;
    set_deltas_due(ctx, self, byok_streaming_read(ctx->env, task));
}

static void on_deltas_due(struct byok_ctx *ctx, struct provider *self)
{
    struct byok_task *task;
    DL_FOREACH(self->sent, task)
        set_deltas_due(ctx, self, byok_streaming_due(ctx->env, task));
}

/* A service that does not stream what it was asked to answers as ever. */
static enum byok_err read_job(const struct byok_ctx *ctx, struct byok_task *task,
                              const struct byok_adapter_call *call, struct byok_fault *fault)
{
    const struct byok_adapter_ops *ops = &call->provider->adapter->ops[call->request->capability];
    const struct byok_http_response *response = &task->http.response;
    if (call->request->stream && ops->event && byok_stream_is(response))
        return byok_stream_read(call, response, ctx->env->settings->answer_max_bytes, &task->answer,
                                fault);
    return ops->parse(call, response, &task->answer, fault);
}

static void too_large(struct byok_task *task, struct byok_fault *fault)
{
    task->answer = (struct byok_answer){.usage = task->answer.usage};
    byok_fault_set(fault, BYOK_E_TOO_LARGE,
                   "the provider's answer takes more memory than a job may have");
}

static enum byok_err read_answer(const struct byok_ctx *ctx, struct byok_task *task)
{
    const struct byok_adapter *adapter = task->provider->adapter;
    const struct byok_adapter_call call = adapter_call(ctx, task);
    const struct byok_http_response *response = &task->http.response;
    struct byok_fault fault = {0};
    if (task->http.fault.code != BYOK_E_OK) {
        task->fault = task->http.fault;
        return BYOK_E_OK;
    }
    enum byok_err err = BYOK_E_OK;
    if (response->status < 200 || response->status > 299)
        adapter->classify(&call, response, &fault);
    else if (task->request.type == BYOK_REQUEST_JOB)
        err = read_job(ctx, task, &call, &fault);
    if (err == BYOK_E_NOMEM && !call.arena->overflow)
        return err;
    if (err == BYOK_E_NOMEM)
        too_large(task, &fault);
    /* a key that may not list models is a good key all the same: it was recognised */
    if (task->request.type != BYOK_REQUEST_JOB && fault.code == BYOK_E_PERMISSION)
        fault = (struct byok_fault){0};
    if (fault.http_status == 0)
        fault.http_status = response->status;
    task->fault = fault;
    return BYOK_E_OK;
}

static enum byok_err cleanse(struct byok_task *task)
{
    if (byok_cleanse(task) == BYOK_E_OK)
        return BYOK_E_OK;
    if (!task->arena.overflow)
        return BYOK_E_NOMEM;
    too_large(task, &task->fault);
    return BYOK_E_OK;
}

static void note_attempt(const struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_attempt *attempt = byok_task_attempt(task);
    int64_t took_ms = (byok_now_us(ctx) - task->attempt_began_us) / 1000;
    *attempt = (struct byok_attempt){
        .started_wall_ms = byok_now_wall_ms(ctx) - took_ms,
        .duration_ms = (int32_t)took_ms,
        .http_status = task->http.response.status,
        .code = task->fault.code,
        .sent = task->http.sent,
        .joined = task->joined,
        .leg = task->leg,
    };
    if (!byok_attempt_is_unclear(attempt))
        return;
    task->unclear = true;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_UNSURE, 1);
}

static void count_tokens(const struct byok_ctx *ctx, const struct byok_task *task)
{
    const struct byok_usage *usage = byok_speech_usage(task);
    if (usage->input_tokens > 0)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_INPUT_TOKENS, usage->input_tokens);
    if (usage->output_tokens > 0)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_OUTPUT_TOKENS, usage->output_tokens);
}

/* Delivered again when there was no memory to read the answer: a paid answer is not thrown away. */
static enum byok_err on_http_done(struct byok_ctx *ctx, struct provider *self,
                                  struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    task->arena.failed = false;
    if (task->bulk)
        task->bulk->arena.failed = false;
    task->answer = (struct byok_answer){.usage = BYOK_USAGE_UNSAID};
    enum byok_err err = read_answer(ctx, task);
    if (err == BYOK_E_OK)
        err = cleanse(task);
    if (err == BYOK_E_OK && task->bulk)
        err = byok_bulk_split(task);
    if (err == BYOK_E_OK && task->speech)
        err = byok_speech_took(ctx->env->settings, task);
    if (err != BYOK_E_OK)
        return err;
    *msg = NULL;
    DL_DELETE(self->sent, task);
    byok_streaming_end(ctx->env, task);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_IN_FLIGHT, -1);
    struct byok_task *member;
    for (uint32_t i = 0; (member = byok_bulk_member(task, i)) != NULL; i++) {
        note_attempt(ctx, member);
        byok_task_weigh(ctx->env, member);
        count_tokens(ctx, member);
    }
    end_turn(ctx, self, task, true);
    return BYOK_E_OK;
}

/* ---- the actor ---- */

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct provider *self = state;
    enum byok_err err = BYOK_E_OK;
    switch ((*msg)->kind) {
    case BYOK_MSG_READY:
        byok_turns_wait(&self->turns, msg);
        break;
    case BYOK_MSG_DECLINE:
        byok_turns_declined(ctx, &self->turns, msg);
        break;
    case BYOK_MSG_CALL:
        on_call(self, msg);
        break;
    case BYOK_MSG_OPENED:
        err = on_opened(ctx, self, msg);
        break;
    case BYOK_MSG_HTTP_BYTES:
        on_bytes(ctx, self, msg);
        break;
    case BYOK_MSG_CLAIMED:
        on_claimed(ctx, self, msg);
        break;
    case BYOK_MSG_HTTP_DONE:
        err = on_http_done(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        if (*msg == &self->deltas.msg)
            on_deltas_due(ctx, self);
        else if (*msg == &self->slot_retry.msg)
            end_cancelled(ctx, self);
        else if (*msg == &self->ready_look.msg)
            end_stale(ctx, self);
        break;
    default:
        assert(!"a message that a provider does not know");
    }
    send_ready(ctx, self);
    lease_waiting(ctx, self);
    byok_turns_give(ctx, &self->turns);
    return err;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    struct provider *self = state;
    size_t i = *(const size_t *)arg;
    self->what = &ctx->env->providers[i];
    self->settings = &ctx->env->provider_settings[i];
    byok_turns_init(&self->turns, ctx->env, i);
    return BYOK_E_OK;
}

static void free_tasks(struct byok_task *list)
{
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(list, task, next)
        byok_task_free(task);
}

/* The HTTP port is closed by then and has dropped its calls. */
static void done(struct byok_ctx *ctx, void *state)
{
    struct provider *self = state;
    byok_timer_cancel(ctx, &self->slot_retry);
    byok_timer_cancel(ctx, &self->ready_look);
    byok_turns_done(ctx, &self->turns);
    byok_timer_cancel(ctx, &self->deltas);
    free_tasks(self->waiting);
    free_tasks(self->ready);
    free_tasks(self->sent);
    free_tasks(self->joined);
}

static void check(const void *state)
{
    const struct provider *self = state;
    byok_turns_check(&self->turns);
}

const struct byok_behavior byok_actor_provider = {
    .name = "provider",
    .state_size = sizeof(struct provider),
    .init = init,
    .receive = receive,
    .done = done,
    .check = check,
};
