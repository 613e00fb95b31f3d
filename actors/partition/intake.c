/* SPDX-License-Identifier: MIT */
/* actors/partition/intake.c - the shard's front door: partitions come and go, records go to their
 * users.
 *
 * A partition is restored from its two changelogs (the vault's and the users' state) before its
 * records are taken; when it is revoked, what is in flight ends first.
 */
#include <assert.h>

#include "actors/env.h"
#include "actors/partition/deadletter.h"
#include "actors/partition/parked.h"
#include "actors/partition/partition.h"
#include "actors/partition/progress.h"
#include "base/mem.h"

#define RESTORE_RETRY_US ((int64_t)1000000)

struct intake {
    struct byok_timer restore_retry;
    struct byok_timer drain;
};

/* ---- restoring ---- */

static struct byok_restore *restore_of(struct byok_partition *partition, enum byok_topic topic)
{
    return topic == BYOK_TOPIC_VAULT ? &partition->vault : &partition->state;
}

static void read_changelog(struct byok_ctx *ctx, struct byok_partition *partition,
                           enum byok_topic topic)
{
    struct byok_restore *restore = restore_of(partition, topic);
    struct byok_broker *broker = ctx->env->broker;
    restore->reading = true;
    broker->ops->restore(broker, topic, partition->id, restore->position);
}

/* An empty chunk asks the vault how far its own table is; with `reset` it is emptied first. */
static enum byok_err ask_vault_position(struct byok_ctx *ctx, int32_t partition, uint32_t epoch,
                                        bool reset)
{
    struct byok_chunk *chunk = byok_new(1, sizeof *chunk);
    if (!chunk)
        return BYOK_E_NOMEM;
    chunk->topic = BYOK_TOPIC_VAULT;
    chunk->partition = partition;
    chunk->epoch = epoch;
    chunk->position = -1;
    chunk->reset = reset;
    struct byok_msg *msg = &chunk->msg;
    byok_send(ctx, ctx->env->vault, BYOK_MSG_RESTORE_CHUNK, &msg);
    return BYOK_E_OK;
}

static void drop_partition(struct byok_ctx *ctx, struct byok_partition *partition);
static enum byok_err close_users(struct byok_ctx *ctx, struct byok_partition *partition);

static enum byok_err on_assigned(struct byok_ctx *ctx, const struct byok_partition_msg *msg)
{
    struct byok_env *env = ctx->env;
    if (env->partitions->stopping)
        return BYOK_E_OK;
    struct byok_partition *partition = byok_partition_find(env->partitions, msg->partition);
    if (partition) { /* a second assignment without a revocation: the first is void */
        enum byok_err err = close_users(ctx, partition);
        if (err != BYOK_E_OK)
            return err;
        drop_partition(ctx, partition);
    }
    int64_t position = -1;
    enum byok_err err = env->state->ops->position(env->state, msg->partition, &position, NULL);
    byok_store_state(env, err == BYOK_E_STORE);
    if (err != BYOK_E_OK)
        return err;
    partition = byok_partition_add(env->partitions, msg->partition);
    if (!partition)
        return BYOK_E_NOMEM;
    partition->vault.position = -1;
    partition->vault.asking = true;
    partition->state.position = position;
    err = ask_vault_position(ctx, partition->id, partition->epoch, false);
    if (err != BYOK_E_OK) {
        byok_partition_remove(env->partitions, partition);
        return err;
    }
    read_changelog(ctx, partition, BYOK_TOPIC_STATE);
    return BYOK_E_OK;
}

static void run_if_restored(struct byok_ctx *ctx, struct byok_partition *partition)
{
    struct byok_env *env = ctx->env;
    if (!partition->vault.done || !partition->state.done)
        return;
    partition->phase = BYOK_PHASE_RUNNING;
    byok_metric_add(env->metrics, BYOK_METRIC_PARTITIONS, 1);
    byok_log_event(env->log, BYOK_LOG_INFO, "partition_running",
                   BYOK_F_INT("partition", partition->id),
                   BYOK_F_INT("state_offset", partition->state.position),
                   BYOK_F_INT("vault_offset", partition->vault.position));
    env->broker->ops->start(env->broker, partition->id);
    byok_parked_look(ctx);
}

/* A changelog is read up to chunk->position and its records are in the table. */
static void advance(struct byok_ctx *ctx, struct byok_partition *partition,
                    const struct byok_chunk *chunk)
{
    struct byok_restore *restore = restore_of(partition, chunk->topic);
    if (chunk->position > restore->position || chunk->reset)
        restore->position = chunk->position;
    if (!chunk->end) {
        byok_progress(ctx->env, partition, chunk->topic, restore, chunk->until);
        return;
    }
    byok_progress_end(ctx->env, restore);
    restore->reading = false;
    restore->done = true;
    run_if_restored(ctx, partition);
}

static void retry_restore(struct byok_ctx *ctx, struct intake *self,
                          struct byok_partition *partition, const struct byok_chunk *chunk)
{
    restore_of(partition, chunk->topic)->reading = false;
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "restore_failed",
                   BYOK_F_INT("partition", chunk->partition),
                   BYOK_F_TEXT("topic", byok_topic_suffix(chunk->topic)),
                   BYOK_F_TEXT("reason", chunk->fault.text));
    byok_timer_set(ctx, &self->restore_retry, byok_now_us(ctx) + RESTORE_RETRY_US);
}

static void on_restore_retry(struct byok_ctx *ctx)
{
    struct byok_partition *partition, *next;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->phase != BYOK_PHASE_RESTORING)
            continue;
        if (!partition->state.done && !partition->state.reading)
            read_changelog(ctx, partition, BYOK_TOPIC_STATE);
        if (!partition->vault.done && !partition->vault.reading && !partition->vault.asking)
            read_changelog(ctx, partition, BYOK_TOPIC_VAULT);
    }
}

static size_t count_records(const struct byok_chunk *chunk)
{
    size_t count = 0;
    for (const struct byok_record *r = chunk->records; r;
         r = (const struct byok_record *)r->msg.next)
        count++;
    return count;
}

static enum byok_err apply_state(struct byok_ctx *ctx, const struct byok_chunk *chunk)
{
    struct byok_store *state = ctx->env->state;
    size_t count = count_records(chunk), i = 0;
    struct byok_write *writes = byok_new(count + 1, sizeof *writes);
    if (!writes)
        return BYOK_E_NOMEM;
    for (const struct byok_record *r = chunk->records; r;
         r = (const struct byok_record *)r->msg.next)
        writes[i++] = (struct byok_write){r->key, r->value, !r->value.ptr};
    enum byok_err err = BYOK_E_OK;
    if (chunk->reset)
        err = state->ops->drop(state, chunk->partition, NULL);
    if (err == BYOK_E_OK)
        err = state->ops->apply(state, chunk->partition, writes, count, chunk->position, NULL);
    byok_delete(writes);
    byok_store_state(ctx->env, err == BYOK_E_STORE);
    if (err == BYOK_E_OK)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_RESTORED, (int64_t)count);
    else
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    return err;
}

/* A stretch from the broker port; the vault's goes on to the vault. */
static enum byok_err on_chunk(struct byok_ctx *ctx, struct intake *self, struct byok_msg **msg)
{
    struct byok_chunk *chunk = (struct byok_chunk *)*msg;
    struct byok_partition *partition = byok_partition_find(ctx->env->partitions, chunk->partition);
    if (!partition || partition->phase != BYOK_PHASE_RESTORING)
        return BYOK_E_OK;
    if (chunk->fault.code != BYOK_E_OK) {
        retry_restore(ctx, self, partition, chunk);
        return BYOK_E_OK;
    }
    if (chunk->topic == BYOK_TOPIC_VAULT) {
        chunk->epoch = partition->epoch;
        byok_send(ctx, ctx->env->vault, BYOK_MSG_RESTORE_CHUNK, msg);
        return BYOK_E_OK;
    }
    enum byok_err err = apply_state(ctx, chunk);
    if (err == BYOK_E_OK)
        advance(ctx, partition, chunk);
    return err;
}

static void on_chunk_applied(struct byok_ctx *ctx, const struct byok_chunk *chunk)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, chunk->partition, chunk->epoch);
    if (!partition || partition->phase != BYOK_PHASE_RESTORING)
        return;
    advance(ctx, partition, chunk);
    if (!partition->vault.asking)
        return;
    partition->vault.asking = false;
    read_changelog(ctx, partition, BYOK_TOPIC_VAULT);
}

/* ---- taking records ---- */

static enum byok_err refuse(struct byok_ctx *ctx, struct byok_record **record, enum byok_err code,
                            const char *text)
{
    struct byok_fault fault;
    byok_fault_set(&fault, code, "%s", text);
    return byok_dead_letter(ctx, record, "intake", &fault);
}

/* Sent by a producer with another partitioner: on to where the user's state is. */
static enum byok_err forward(struct byok_ctx *ctx, struct byok_record **record, int32_t partition)
{
    struct byok_task *task = byok_task_new(record, 0);
    if (!task)
        return BYOK_E_NOMEM;
    struct byok_out *out = byok_task_out(task, BYOK_TOPIC_REQUESTS);
    if (!out) {
        *record = task->record;
        task->record = NULL;
        byok_task_free(task);
        return BYOK_E_NOMEM;
    }
    out->partition = partition;
    out->key = task->record->key;
    out->value = task->record->value;
    out->timestamp_wall_ms = task->record->timestamp_wall_ms;
    for (size_t i = 0; i < task->record->header_count && i < BYOK_OUT_HEADERS_MAX; i++)
        out->headers[out->header_count++] = task->record->headers[i];
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_FORWARDED, 1);
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
    return BYOK_E_OK;
}

static enum byok_err pass_on(struct byok_ctx *ctx, struct byok_partition *partition,
                             struct byok_record **record)
{
    struct byok_env *env = ctx->env;
    const struct byok_record *r = *record;
    if (!r->key.ptr || r->key.len == 0)
        return refuse(ctx, record, BYOK_E_WRONG_KEY, "the record has no key; it must be the user");
    if (r->key.len > BYOK_USER_MAX)
        return refuse(ctx, record, BYOK_E_WRONG_KEY, "the record's key is too long for a user");
    if (byok_has_controls(r->key))
        return refuse(ctx, record, BYOK_E_WRONG_KEY,
                      "the record's key holds control characters, which no user's name does");
    if (!r->value.ptr)
        return refuse(ctx, record, BYOK_E_BAD_MESSAGE, "the record has no value");
    if (r->value.len > env->settings->request_max_bytes)
        return refuse(ctx, record, BYOK_E_TOO_LARGE,
                      "the request is larger than jobs.request_max_bytes; its bytes stand in the "
                      "requests topic at the partition and offset named here");
    int32_t canonical = byok_partition_of(r->key, env->broker->ops->partition_count(env->broker));
    if (canonical != r->partition)
        return forward(ctx, record, canonical);
    struct byok_actor *user = byok_partition_user_of(ctx, partition, r->key);
    if (!user)
        return BYOK_E_NOMEM;
    struct byok_msg *msg = &(*record)->msg;
    *record = NULL;
    byok_send(ctx, user, BYOK_MSG_REQUEST, &msg);
    return BYOK_E_OK;
}

static enum byok_err on_record(struct byok_ctx *ctx, struct byok_msg **msg)
{
    struct byok_record *record = (struct byok_record *)*msg;
    struct byok_partition *partition = byok_partition_find(ctx->env->partitions, record->partition);
    if (!partition || partition->phase != BYOK_PHASE_RUNNING ||
        record->offset <= partition->last_offset)
        return BYOK_E_OK; /* not ours now, or delivered twice */
    if (!byok_watermark_take(&partition->marks, record->offset))
        return BYOK_E_NOMEM;
    record->epoch = partition->epoch;
    int64_t offset = record->offset;
    byok_record_opened(ctx->env, partition, record);
    enum byok_err err = pass_on(ctx, partition, &record);
    if (err != BYOK_E_OK) { /* it comes again; the mark is taken, which a repeat does not mind */
        byok_record_unopened(ctx->env, partition, record);
        return err;
    }
    *msg = NULL;
    partition->last_offset = offset;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_RECORDS, 1);
    return BYOK_E_OK;
}

/* ---- letting go ---- */

static enum byok_err close_users(struct byok_ctx *ctx, struct byok_partition *partition)
{
    struct byok_user_entry *entry, *next;
    HASH_ITER(hh, partition->users, entry, next) {
        struct byok_msg *msg = byok_new(1, sizeof *msg);
        if (!msg)
            return BYOK_E_NOMEM; /* it comes again; who was closed does not mind */
        byok_send(ctx, entry->actor, BYOK_MSG_CLOSE, &msg);
    }
    return BYOK_E_OK;
}

/* Its users have been told; what they still have in flight is of an epoch that is gone. */
static void drop_partition(struct byok_ctx *ctx, struct byok_partition *partition)
{
    if (partition->phase != BYOK_PHASE_RESTORING)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_PARTITIONS, -1);
    byok_progress_end(ctx->env, &partition->vault);
    byok_progress_end(ctx->env, &partition->state);
    byok_partition_remove(ctx->env->partitions, partition);
}

static void stopped_if_empty(struct byok_ctx *ctx)
{
    struct byok_env *env = ctx->env;
    if (env->partitions->stopping && !env->partitions->table)
        env->stopped(env->stopped_arg);
}

/* What was written since the loss that nobody told us of may stand behind records of the new owner
 * that we have not read, so the local tables are no prefix of their changelogs any more.
 * Exactly once they are: a transaction that came too late was refused. */
static enum byok_err forget_tables(struct byok_ctx *ctx, int32_t partition)
{
    struct byok_store *state = ctx->env->state;
    if (!ctx->env->settings->at_least_once)
        return BYOK_E_OK;
    struct byok_fault fault = {0};
    enum byok_err err = state->ops->drop(state, partition, &fault);
    if (err == BYOK_E_OK)
        return ask_vault_position(ctx, partition, 0, true);
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "state_unwritable",
                   BYOK_F_INT("partition", partition), BYOK_F_TEXT("reason", fault.text));
    return err;
}

static void release(struct byok_ctx *ctx, struct byok_partition *partition)
{
    int32_t id = partition->id;
    byok_log_event(ctx->env->log, partition->open == 0 ? BYOK_LOG_INFO : BYOK_LOG_WARN,
                   "partition_released", BYOK_F_INT("partition", id),
                   BYOK_F_INT("unfinished", partition->open));
    bool torn = partition->torn;
    drop_partition(ctx, partition);
    if (torn)
        (void)forget_tables(ctx, id); /* what fails was told */
    ctx->env->broker->ops->release(ctx->env->broker, id);
    stopped_if_empty(ctx);
}

/* The drain of one partition; `release` comes by DRAINED or by the timer. */
static enum byok_err drain(struct byok_ctx *ctx, struct intake *self,
                           struct byok_partition *partition)
{
    if (partition->phase == BYOK_PHASE_DRAINING)
        return BYOK_E_OK;
    if (partition->phase == BYOK_PHASE_RESTORING || partition->open == 0) {
        enum byok_err err = close_users(ctx, partition); /* the idle ones */
        if (err == BYOK_E_OK)
            release(ctx, partition);
        return err;
    }
    struct byok_partition_msg *drained = byok_new(1, sizeof *drained);
    if (!drained)
        return BYOK_E_NOMEM;
    drained->partition = partition->id;
    enum byok_err err = close_users(ctx, partition);
    if (err != BYOK_E_OK) {
        byok_delete(drained);
        return err;
    }
    partition->drained = drained;
    partition->phase = BYOK_PHASE_DRAINING;
    partition->drain_until_us = byok_now_us(ctx) + ctx->env->settings->drain_us;
    if (!self->drain.set)
        byok_timer_set(ctx, &self->drain, partition->drain_until_us);
    return BYOK_E_OK;
}

static enum byok_err on_revoked(struct byok_ctx *ctx, struct intake *self,
                                const struct byok_partition_msg *msg)
{
    struct byok_partition *partition = byok_partition_find(ctx->env->partitions, msg->partition);
    if (partition)
        return drain(ctx, self, partition);
    ctx->env->broker->ops->release(ctx->env->broker, msg->partition);
    return BYOK_E_OK;
}

/* The epoch ends first, so that nothing of it is published while the disk is in trouble. */
static enum byok_err on_lost(struct byok_ctx *ctx, const struct byok_partition_msg *msg)
{
    struct byok_partition *partition = byok_partition_find(ctx->env->partitions, msg->partition);
    if (partition) {
        enum byok_err err = close_users(ctx, partition);
        if (err != BYOK_E_OK)
            return err;
        byok_log_event(ctx->env->log, BYOK_LOG_WARN, "partition_lost",
                       BYOK_F_INT("partition", partition->id),
                       BYOK_F_INT("unfinished", partition->open));
        drop_partition(ctx, partition);
        stopped_if_empty(ctx);
    }
    return forget_tables(ctx, msg->partition);
}

static enum byok_err on_stop(struct byok_ctx *ctx, struct intake *self)
{
    struct byok_partition *partition, *next;
    ctx->env->partitions->stopping = true;
    if (!ctx->env->partitions->table) {
        stopped_if_empty(ctx);
        return BYOK_E_OK;
    }
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        enum byok_err err = drain(ctx, self, partition);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

static void on_drained(struct byok_ctx *ctx, const struct byok_partition_msg *msg)
{
    struct byok_partition *partition = byok_partition_find(ctx->env->partitions, msg->partition);
    if (partition && partition->phase == BYOK_PHASE_DRAINING && partition->open == 0)
        release(ctx, partition);
}

static void on_drain_timer(struct byok_ctx *ctx, struct intake *self)
{
    int64_t now = byok_now_us(ctx), next_us = INT64_MAX;
    struct byok_partition *partition, *next;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->phase != BYOK_PHASE_DRAINING)
            continue;
        if (partition->drain_until_us <= now)
            release(ctx, partition);
        else if (partition->drain_until_us < next_us)
            next_us = partition->drain_until_us;
    }
    if (next_us != INT64_MAX)
        byok_timer_set(ctx, &self->drain, next_us);
}

/* ---- the actor ---- */

static void on_timer(struct byok_ctx *ctx, struct intake *self, const struct byok_msg *msg)
{
    if (msg == &self->drain.msg)
        on_drain_timer(ctx, self);
    else
        on_restore_retry(ctx);
}

static enum byok_err dispatch(struct byok_ctx *ctx, struct intake *self, struct byok_msg **msg)
{
    const struct byok_partition_msg *about = (const struct byok_partition_msg *)*msg;
    switch ((*msg)->kind) {
    case BYOK_MSG_ASSIGNED:
        return on_assigned(ctx, about);
    case BYOK_MSG_REVOKED:
        return on_revoked(ctx, self, about);
    case BYOK_MSG_LOST:
        return on_lost(ctx, about);
    case BYOK_MSG_DRAINED:
        on_drained(ctx, about);
        return BYOK_E_OK;
    case BYOK_MSG_RECORD:
        return on_record(ctx, msg);
    case BYOK_MSG_RESTORE_CHUNK:
        return on_chunk(ctx, self, msg);
    case BYOK_MSG_CHUNK_APPLIED:
        on_chunk_applied(ctx, (const struct byok_chunk *)*msg);
        return BYOK_E_OK;
    case BYOK_MSG_STOP:
        return on_stop(ctx, self);
    case BYOK_MSG_TIMER:
        on_timer(ctx, self, *msg);
        return BYOK_E_OK;
    default:
        assert(!"a message that the intake does not know");
        return BYOK_E_OK;
    }
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    enum byok_err err = dispatch(ctx, state, msg);
    if (err != BYOK_E_OK || !*msg)
        return err;
    byok_msg_free(*msg);
    *msg = NULL;
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct intake *self = state;
    byok_timer_cancel(ctx, &self->restore_retry);
    byok_timer_cancel(ctx, &self->drain);
}

const struct byok_behavior byok_actor_intake = {
    .name = "intake",
    .state_size = sizeof(struct intake),
    .receive = receive,
    .done = done,
};
