/* SPDX-License-Identifier: MIT */
/* actors/publisher/ledger.c - see actors/publisher/ledger.h.
 *
 * A task comes as CLAIM and goes back as CLAIMED, or as WITHDRAW and goes back as WITHDRAWN.
 * Shared: note to the port, then to the local table, together with whatever else was answered in
 * this turn.  On the host only: first to the table, then to the port, which brings the table's log
 * to the disk.
 */
#include "actors/publisher/ledger.h"

#include <assert.h>

#include <utlist.h>

#include "actors/partition/partition.h"
#include "actors/provider/speech.h"
#include "actors/queue.h"
#include "schemas/state.h"

#define TROUBLE_RETRY_US ((int64_t)250000)
#define CLAIM_BYTES_MAX ((size_t)4096) /* key and value: both have bounds below 1 KiB */
#define GROUP_MAX 256

struct ledger {
    struct byok_queue to_table; /* tasks whose claim is to be written to the local table */
    struct byok_timer retry;
    bool broken; /* the last write has failed, and was told */
    bool shared; /* as the port's, which is gone when this actor ends */
};

bool byok_ledger_wants(const struct byok_ctx *ctx, const struct byok_task *task)
{
    return ctx->env->notes && task->request.type == BYOK_REQUEST_JOB &&
           task->claim_until_us < byok_now_us(ctx);
}

bool byok_ledger_lets_go(const struct byok_ctx *ctx, const struct byok_task *task)
{
    return byok_partition_of_task(ctx->env, task) && !byok_ledger_wants(ctx, task);
}

int64_t byok_ledger_bound(const struct byok_env *env, const struct byok_partition *partition,
                          int64_t position)
{
    const struct byok_task *task;
    /* the oldest has the lowest: what was known of the changelog's end only grows */
    DL_FOREACH(env->partitions->claiming, task) {
        if (task->partition == partition->id && task->epoch == partition->epoch)
            return task->claim_floor < position ? task->claim_floor : position;
    }
    return position;
}

void byok_ledger_saw(struct byok_partition *partition, int64_t offset)
{
    if (offset >= partition->state_end)
        partition->state_end = offset + 1;
}

bool byok_ledger_can_withdraw(const struct byok_ctx *ctx, const struct byok_task *task)
{
    return task->claimed && !task->unclear && !byok_speech_holds(task) &&
           byok_partition_of_task(ctx->env, task);
}

/* ---- the record ---- */

static struct byok_claim_record record_of(const struct byok_ctx *ctx, const struct byok_task *task)
{
    const struct byok_env *env = ctx->env;
    const struct byok_provider_settings *settings =
        &env->provider_settings[task->provider - env->providers];
    int64_t left_us = task->deadline_us - byok_now_us(ctx);
    int64_t call_us = left_us < settings->timeout_us ? left_us : settings->timeout_us;
    struct byok_claim_record record = {
        .claimed_wall_ms = env->clock->ops->wall_ms(env->clock),
        .attempt = (int64_t)task->attempts_before + task->attempt_count + 1,
        .leg = task->leg,
        .nonce = (int64_t)(env->clock->ops->random(env->clock) >> 1),
    };
    record.deadline_wall_ms =
        record.claimed_wall_ms + (BYOK_CLAIM_WINDOW_US + call_us + 999) / 1000;
    byok_str_to_field(record.provider, sizeof record.provider, byok_str_of(task->provider->name));
    byok_str_to_field(record.owner, sizeof record.owner,
                      byok_str_of(env->owner && env->owner[0] ? env->owner : "?"));
    return record;
}

/* Key and value into the task's own buffer: its arena may be full.  The key stands there as that of
 * the withdrawal, which is longer by its last byte. */
static enum byok_err write_record(const struct byok_ctx *ctx, struct byok_task *task)
{
    const struct byok_claim_record record = record_of(ctx, task);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_withdrawal_key(&arena, task->request.user, task->request.id);
    if (!key.ptr)
        return BYOK_E_NOMEM;
    byok_buf_done(&task->claim);
    byok_buf_init(&task->claim, CLAIM_BYTES_MAX);
    if (!byok_buf_add_str(&task->claim, key))
        return BYOK_E_NOMEM;
    enum byok_err err = byok_claim_record_encode(&record, &task->claim);
    if (err != BYOK_E_OK)
        return err;
    struct byok_str both = byok_buf_str(&task->claim);
    task->note = (struct byok_note){
        .partition = task->partition,
        .key = {both.ptr, key.len - 1},
        .value = {both.ptr + key.len, both.len - key.len},
        .reply_to = ctx->self,
        .reply = &task->msg,
        .offset = -1,
    };
    return BYOK_E_OK;
}

/* ---- the way of a claim ---- */

static void give_back(struct byok_ctx *ctx, struct byok_task *task)
{
    if (task->withdraws) {
        task->withdraws = false;
        task->claimed = task->note.fault.code != BYOK_E_OK;
        task->claim_until_us = 0;
        byok_send_task(ctx, task->user, BYOK_MSG_WITHDRAWN, &task);
        return;
    }
    size_t i = (size_t)(task->provider - ctx->env->providers);
    byok_send_task(ctx, ctx->env->provider_actors[i], BYOK_MSG_CLAIMED, &task);
}

static void to_port(struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
    int64_t restored = partition ? partition->state.position : -1;
    task->claim_floor =
        partition && partition->state_end > restored ? partition->state_end : restored;
    DL_APPEND(ctx->env->partitions->claiming, task);
    ctx->env->notes->ops->write(ctx->env->notes, &task->note);
}

static size_t list_writes(const struct ledger *self, int32_t partition, struct byok_write *writes)
{
    size_t count = 0;
    for (const struct byok_msg *msg = self->to_table.head; msg && count < GROUP_MAX;
         msg = msg->next) {
        const struct byok_task *task = (const struct byok_task *)msg;
        if (task->partition == partition)
            writes[count++] = (struct byok_write){task->note.key, task->note.value, false};
    }
    return count;
}

static void pass_on(struct byok_ctx *ctx, struct ledger *self, int32_t partition, size_t count)
{
    struct byok_queue rest = {0};
    for (struct byok_msg *msg; (msg = byok_queue_pop(&self->to_table));) {
        struct byok_task *task = (struct byok_task *)msg;
        if (task->partition != partition || count == 0) {
            byok_queue_push(&rest, msg);
            continue;
        }
        count--;
        if (!self->shared) {
            to_port(ctx, task);
            continue;
        }
        DL_DELETE(ctx->env->partitions->claiming, task);
        give_back(ctx, task);
    }
    self->to_table = rest;
}

static void fail(struct byok_ctx *ctx, struct byok_task *task)
{
    (void)byok_fault_set(&task->note.fault, BYOK_E_BROKER, "the partition has gone");
    give_back(ctx, task);
}

/* Of partitions that have gone meanwhile.  Should such a one be back by now, then its table holds
 * what came behind these claims in the changelog already. */
static void fail_gone(struct byok_ctx *ctx, struct ledger *self)
{
    struct byok_queue rest = {0};
    for (struct byok_msg *msg; (msg = byok_queue_pop(&self->to_table));) {
        struct byok_task *task = (struct byok_task *)msg;
        if (byok_partition_of_task(ctx->env, task)) {
            byok_queue_push(&rest, msg);
            continue;
        }
        if (self->shared)
            DL_DELETE(ctx->env->partitions->claiming, task);
        fail(ctx, task);
    }
    self->to_table = rest;
}

static void tell_store(const struct byok_ctx *ctx, struct ledger *self, bool broken)
{
    if (self->broken != broken)
        byok_store_state(ctx->env, broken);
    self->broken = broken;
}

/* All that wait, one write for each partition. */
static void flush(struct byok_ctx *ctx, struct ledger *self)
{
    fail_gone(ctx, self);
    if (!self->to_table.head)
        tell_store(ctx, self, false); /* nothing left to try it with: the next one will tell */
    struct byok_store *state = ctx->env->state;
    struct byok_write writes[GROUP_MAX];
    while (self->to_table.head && !self->retry.set) {
        int32_t partition = ((const struct byok_task *)self->to_table.head)->partition;
        size_t count = list_writes(self, partition, writes);
        struct byok_fault fault = {0};
        enum byok_err err = state->ops->apply(state, partition, writes, count, -1, &fault);
        tell_store(ctx, self, err == BYOK_E_STORE);
        if (err == BYOK_E_OK) {
            pass_on(ctx, self, partition, count);
            continue;
        }
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "state_unwritable",
                       BYOK_F_INT("partition", partition), BYOK_F_TEXT("reason", fault.text));
        byok_timer_set(ctx, &self->retry, byok_now_us(ctx) + TROUBLE_RETRY_US);
    }
}

static void begin(struct byok_ctx *ctx, struct ledger *self, struct byok_task *task)
{
    if (self->shared)
        to_port(ctx, task);
    else
        byok_queue_push(&self->to_table, &task->msg);
}

static enum byok_err on_claim(struct byok_ctx *ctx, struct ledger *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    enum byok_err err = write_record(ctx, task);
    if (err != BYOK_E_OK)
        return err;
    *msg = NULL;
    if (!byok_partition_of_task(ctx->env, task)) {
        fail(ctx, task);
        return BYOK_E_OK;
    }
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_CLAIMS, 1);
    task->claimed = true; /* from now on it may stand */
    task->claim_until_us = byok_now_us(ctx) + BYOK_CLAIM_WINDOW_US;
    begin(ctx, self, task);
    return BYOK_E_OK;
}

static void on_withdraw(struct byok_ctx *ctx, struct ledger *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    task->note.key.len = (size_t)(task->note.value.ptr - task->note.key.ptr);
    task->withdraws = task->withdrawn = true;
    if (byok_partition_of_task(ctx->env, task))
        begin(ctx, self, task);
    else
        fail(ctx, task);
}

static void on_noted(struct byok_ctx *ctx, struct ledger *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
    bool fails = task->note.fault.code != BYOK_E_OK || !partition;
    *msg = NULL;
    if (!fails && self->shared) {
        byok_ledger_saw(partition, task->note.offset);
        byok_queue_push(&self->to_table, &task->msg); /* and stays among the claiming */
        return;
    }
    DL_DELETE(ctx->env->partitions->claiming, task);
    if (fails)
        fail(ctx, task);
    else
        give_back(ctx, task);
}

/* ---- the actor ---- */

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct ledger *self = state;
    enum byok_err err = BYOK_E_OK;
    switch ((*msg)->kind) {
    case BYOK_MSG_CLAIM:
        err = on_claim(ctx, self, msg);
        break;
    case BYOK_MSG_WITHDRAW:
        on_withdraw(ctx, self, msg);
        break;
    case BYOK_MSG_NOTED:
        on_noted(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        break;
    default:
        assert(!"a message that the ledger does not know");
    }
    if (byok_actor_pending(ctx->self) == 0 || self->to_table.count >= GROUP_MAX)
        flush(ctx, self);
    return err;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    (void)arg;
    ((struct ledger *)state)->shared = ctx->env->notes && ctx->env->notes->shared;
    return BYOK_E_OK;
}

/* The ports are closed by then. */
static void done(struct byok_ctx *ctx, void *state)
{
    struct ledger *self = state;
    byok_timer_cancel(ctx, &self->retry);
    for (struct byok_msg *msg; (msg = byok_queue_pop(&self->to_table));) {
        struct byok_task *task = (struct byok_task *)msg;
        if (!self->shared)
            byok_task_free(task);
    }
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(ctx->env->partitions->claiming, task, next)
        byok_task_free(task);
    ctx->env->partitions->claiming = NULL;
}

const struct byok_behavior byok_actor_ledger = {
    .name = "ledger",
    .state_size = sizeof(struct ledger),
    .init = init,
    .receive = receive,
    .done = done,
};
