/* SPDX-License-Identifier: MIT */
/* actors/publisher/publisher.c - gathers finished requests into batches, commits them, then
 * applies them.
 *
 * A batch is what is committed together: results, usage, changes of state, and the offsets up to
 * which the partitions are done.  Only when the broker has it is it written to the local tables,
 * in the order of the commits, so these are always a prefix of their changelogs; and only after
 * that do the users hear of it.
 */
#include <assert.h>

#include <uthash.h>

#include "actors/env.h"
#include "actors/partition/partition.h"
#include "actors/publisher/apply.h"
#include "actors/publisher/audit.h"
#include "actors/publisher/ledger.h"
#include "actors/queue.h"
#include "base/mem.h"

#define TROUBLE_RETRY_US ((int64_t)250000)
#define STATE_OUTS ((size_t)4) /* that a task has as a rule at most */

struct publisher {
    struct byok_queue fresh;    /* tasks to be committed */
    struct byok_queue again;    /* of batches that failed; they go first */
    struct byok_queue applying; /* committed batches that are to be applied, oldest first */
    struct byok_queue for_vault; /* of these, what is for the vault too, when the rest is applied */
    uint32_t under_way; /* batches at the broker port */
    uint32_t away; /* tasks of failed batches with their users; they go before `fresh` */
    uint32_t tasks_max; /* of a batch, while memory is short; 0: as the settings say */
    uint64_t batches; /* made so far; the number of the last one */
    bool at_vault; /* one that was the first of these */
    int64_t began_us; /* the last of them was given to the broker */
    struct byok_timer linger;
    struct byok_timer apply_retry;
};

/* Registrations and deletions on their way, for actors/vault/rewrap.c, whose own do not count. */
static void count_key_changes(const struct byok_ctx *ctx, const struct byok_task *task, bool begins)
{
    struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
    bool changes = false;
    for (size_t i = 0; i < task->out_count; i++)
        changes = changes || task->outs[i].topic == BYOK_TOPIC_VAULT;
    if (!partition || !changes || task->user == ctx->env->rewrap)
        return;
    partition->key_changes += begins;
    partition->key_changes_open += begins ? 1u : UINT32_MAX; /* 1 less */
}

/* It is durable, or nobody's any more: either way its user lets go of it. */
static void settle(struct byok_ctx *ctx, struct byok_task *task)
{
    count_key_changes(ctx, task, false);
    if (task->user)
        byok_send_task(ctx, task->user, BYOK_MSG_COMMITTED, &task);
    else
        byok_task_ended(ctx, &task);
}

/* ---- making a batch ---- */

/* A line for the partition; its position follows when the batch is complete. */
static void list_partition(struct byok_commit *commit, int32_t partition)
{
    size_t i = 0;
    while (i < commit->position_count && commit->positions[i].partition != partition)
        i++;
    if (i == commit->position_count)
        commit->positions[commit->position_count++] = (struct byok_position){partition, -1};
}

static void fill_positions(const struct byok_ctx *ctx, struct byok_commit *commit, uint64_t number)
{
    for (size_t i = 0; i < commit->position_count; i++) {
        const struct byok_partition *partition =
            byok_partition_find(ctx->env->partitions, commit->positions[i].partition);
        commit->positions[i].offset = byok_watermark_claimed(&partition->marks, number);
    }
}

/* Where the next task is; NULL: none, or half of a pair, of which the rest of a lost one never
 * comes. */
static struct byok_queue *next_queue(const struct byok_ctx *ctx, struct publisher *self)
{
    struct byok_queue *from = self->again.head ? &self->again : &self->fresh;
    const struct byok_task *head = (const struct byok_task *)from->head;
    const bool half = head && head->with_next && !head->msg.next;
    return head && (!half || !byok_partition_of_task(ctx->env, head)) ? from : NULL;
}

static struct byok_task *next_task(struct byok_ctx *ctx, struct publisher *self)
{
    for (;;) {
        struct byok_queue *from = next_queue(ctx, self);
        if (!from)
            return NULL;
        struct byok_task *task = (struct byok_task *)byok_queue_pop(from);
        if (byok_partition_of_task(ctx->env, task))
            return task;
        settle(ctx, task); /* another has the partition: this work is not ours to publish */
    }
}

/* The key of a state record seen in a batch. */
struct seen {
    UT_hash_handle hh;
};

static void remove_out(struct byok_task *task, size_t i)
{
    memmove(&task->outs[i], &task->outs[i + 1], (task->out_count - i - 1) * sizeof *task->outs);
    task->out_count--;
}

/* Of several changes of one state record the last one stands for all: a batch with 500 jobs of one
 * user writes the user's record once.  Walks the tasks from the last; without memory it only
 * writes more. */
static void drop_superseded(struct byok_task **tasks, size_t count)
{
    struct seen *table = NULL, *lines = byok_new(STATE_OUTS * count, sizeof *lines);
    size_t used = 0;
    for (size_t t = count; lines && t-- > 0;) {
        struct byok_task *task = tasks[t];
        if (byok_audit_is_notes(task))
            continue; /* one per partition, all with the same key */
        for (size_t i = task->out_count; i-- > 0;) {
            struct byok_out *out = &task->outs[i];
            struct seen *same = NULL;
            if (out->topic != BYOK_TOPIC_STATE)
                continue;
            HASH_FIND(hh, table, out->key.ptr, out->key.len, same);
            if (same) {
                remove_out(task, i);
            } else if (used < STATE_OUTS * count) {
                struct seen *line = &lines[used++];
                HASH_ADD_KEYPTR(hh, table, out->key.ptr, out->key.len, line);
            }
        }
    }
    HASH_CLEAR(hh, table);
    byok_delete(lines);
}

/* The tasks of a batch as an array, in order; NULL when there is no memory. */
static struct byok_task **list_tasks(const struct byok_commit *commit)
{
    struct byok_task **tasks = byok_new(commit->task_count, sizeof *tasks);
    size_t i = 0;
    for (struct byok_task *task = commit->tasks; tasks && task;
         task = (struct byok_task *)task->msg.next)
        tasks[i++] = task;
    return tasks;
}

static void thin_out(const struct byok_commit *commit)
{
    if (commit->task_count < 2)
        return;
    struct byok_task **tasks = list_tasks(commit);
    if (tasks)
        drop_superseded(tasks, commit->task_count);
    byok_delete(tasks);
}

static bool is_behind(const struct byok_partition *partition)
{
    return byok_watermark_position(&partition->marks) > partition->committed;
}

/* What several batches under way have done together, none of them could commit alone. */
static void list_behind(const struct byok_ctx *ctx, struct byok_commit *commit)
{
    struct byok_partition *partition, *next;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->committed >= 0 && is_behind(partition))
            list_partition(commit, partition->id);
    }
}

static bool any_behind(const struct byok_ctx *ctx)
{
    struct byok_partition *partition, *next;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->committed >= 0 && is_behind(partition))
            return true;
    }
    return false;
}

/* The fewer tasks, the less memory their notes take at once: halved when there was none, doubled
 * when there was. */
static uint32_t tasks_max(const struct byok_ctx *ctx, const struct publisher *self)
{
    uint32_t most = ctx->env->settings->commit_tasks_max;
    return self->tasks_max > 0 && self->tasks_max < most ? self->tasks_max : most;
}

static struct byok_commit *make_batch(struct byok_ctx *ctx, struct publisher *self)
{
    struct byok_commit *commit = byok_new(1, sizeof *commit);
    size_t partitions = HASH_COUNT(ctx->env->partitions->table);
    if (commit)
        commit->positions = byok_new(partitions + 1, sizeof *commit->positions);
    if (!commit || !commit->positions) {
        byok_delete(commit);
        return NULL;
    }
    commit->reply_to = ctx->self;
    uint64_t number = ++self->batches;
    struct byok_queue taken = {0};
    bool together = false;
    while (together || taken.count < tasks_max(ctx, self)) {
        struct byok_task *task = next_task(ctx, self);
        if (!task)
            break;
        struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
        byok_watermark_claim(&partition->marks, task->offset, number);
        task->batched = true;
        together = task->with_next;
        byok_queue_push(&taken, &task->msg);
        list_partition(commit, partition->id);
    }
    if (taken.count == 0)
        list_behind(ctx, commit);
    fill_positions(ctx, commit, number);
    commit->tasks = (struct byok_task *)taken.head;
    commit->task_count = taken.count;
    if (byok_audit_add(ctx, commit) == BYOK_E_OK) {
        self->tasks_max = 2 * tasks_max(ctx, self);
        thin_out(commit); /* the last step: now they go together or not at all */
        return commit;
    }
    self->tasks_max = taken.count > 1 ? (uint32_t)taken.count / 2 : 1;
    for (struct byok_msg *task = taken.head; task; task = task->next)
        ((struct byok_task *)task)->batched = false;
    byok_queue_prepend(&self->fresh, &taken); /* behind what a failed batch leaves in `again` */
    commit->tasks = NULL;
    byok_commit_free(commit);
    return NULL;
}

/* The chain of the audit goes on from what is committed, so nothing may be under way beside it. */
static uint32_t commits_max(const struct byok_ctx *ctx)
{
    return ctx->env->settings->audit == BYOK_AUDIT_OFF ? ctx->env->broker->commits_max : 1;
}

static bool has_work(const struct byok_ctx *ctx, struct publisher *self)
{
    return self->away == 0 && (next_queue(ctx, self) || (self->under_way == 0 && any_behind(ctx)));
}

static void flush(struct byok_ctx *ctx, struct publisher *self)
{
    struct byok_broker *broker = ctx->env->broker;
    while (self->under_way < commits_max(ctx) && has_work(ctx, self)) {
        struct byok_commit *commit = make_batch(ctx, self);
        if (!commit) {
            byok_timer_set(ctx, &self->linger, byok_now_us(ctx) + TROUBLE_RETRY_US);
            return;
        }
        if (commit->position_count == 0) {
            byok_commit_free(commit);
            return;
        }
        self->under_way++;
        self->began_us = byok_now_us(ctx);
        broker->ops->commit(broker, commit);
    }
}

/* After a pause a batch waits a moment for more; while batches follow each other they keep their
 * distance, since what a transaction costs the brokers hardly depends on its size. */
static int64_t due_us(const struct byok_ctx *ctx, const struct publisher *self)
{
    const struct byok_settings *settings = ctx->env->settings;
    int64_t lingers = byok_now_us(ctx) + settings->commit_linger_us;
    int64_t apart = self->batches > 0 ? self->began_us + settings->commit_interval_us : 0;
    return lingers > apart ? lingers : apart;
}

static void flush_or_linger(struct byok_ctx *ctx, struct publisher *self)
{
    const struct byok_settings *settings = ctx->env->settings;
    size_t waiting = self->again.count + self->fresh.count;
    bool rests = self->again.head || tasks_max(ctx, self) < settings->commit_tasks_max;
    if (!has_work(ctx, self) || (rests && self->linger.set))
        return; /* nothing, or what failed rests a little */
    int64_t due = due_us(ctx, self);
    if (self->again.head || waiting >= settings->commit_tasks_max || due <= byok_now_us(ctx))
        flush(ctx, self);
    else if (!self->linger.set)
        byok_timer_set(ctx, &self->linger, due);
}

/* ---- applying a batch ---- */

static bool touches(const struct byok_commit *commit, enum byok_topic topic)
{
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++) {
            if (task->outs[i].topic == topic)
                return true;
        }
    }
    return false;
}

static void settle_batch(struct byok_ctx *ctx, struct byok_commit *commit)
{
    struct byok_queue tasks = {.head = commit->tasks ? &commit->tasks->msg : NULL};
    commit->tasks = NULL;
    while (tasks.head) {
        struct byok_msg *task = tasks.head;
        tasks.head = task->next;
        settle(ctx, (struct byok_task *)task);
    }
    byok_commit_free(commit);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_COMMITS, 1);
}

/* Of partitions that have gone meanwhile: their next owner's restore brings these records, in the
 * changelog's order; written now they would let the table pass for newer than it is. */
static void drop_foreign_keys(const struct byok_ctx *ctx, const struct byok_commit *commit)
{
    for (struct byok_task *task = commit->tasks; task; task = (struct byok_task *)task->msg.next) {
        for (size_t i = task->out_count; i-- > 0 && !byok_partition_of_task(ctx->env, task);) {
            if (task->outs[i].topic == BYOK_TOPIC_VAULT)
                remove_out(task, i);
        }
    }
}

/* One batch after the other, because the vault's table must follow the order of its changelog. */
static void send_to_vault(struct byok_ctx *ctx, struct publisher *self)
{
    while (self->for_vault.head && !self->at_vault) {
        struct byok_msg *msg = byok_queue_pop(&self->for_vault);
        struct byok_commit *commit = (struct byok_commit *)msg;
        drop_foreign_keys(ctx, commit);
        if (!touches(commit, BYOK_TOPIC_VAULT)) {
            settle_batch(ctx, commit);
            continue;
        }
        self->at_vault = true;
        byok_send(ctx, ctx->env->vault, BYOK_MSG_APPLY, &msg);
    }
}

/* Likewise for the state's.  A batch that the vault cannot write now (its server is away) holds up
 * its own users only. */
static void apply(struct byok_ctx *ctx, struct publisher *self)
{
    while (self->applying.head && !self->apply_retry.set) {
        struct byok_commit *commit = (struct byok_commit *)self->applying.head;
        enum byok_err err = byok_apply_state(ctx->env, commit);
        byok_store_state(ctx->env, err == BYOK_E_STORE);
        if (err != BYOK_E_OK) {
            byok_timer_set(ctx, &self->apply_retry, byok_now_us(ctx) + TROUBLE_RETRY_US);
            break;
        }
        byok_queue_pop(&self->applying);
        if (touches(commit, BYOK_TOPIC_VAULT))
            byok_queue_push(&self->for_vault, &commit->msg);
        else
            settle_batch(ctx, commit);
    }
    send_to_vault(ctx, self);
}

/* ---- a batch that failed ---- */

static struct byok_out *refused_out(struct byok_task *task)
{
    for (size_t i = 0; i < task->out_count; i++) {
        if (task->outs[i].refused)
            return &task->outs[i];
    }
    return NULL;
}

static void shrink(const struct byok_ctx *ctx, struct byok_task *task, struct byok_out *out)
{
    bool bare = out->topic == BYOK_TOPIC_DLQ && !out->value.ptr;
    if (bare && !out->key.ptr && out->header_count == 0) {
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "dead_letter_given_up",
                       BYOK_F_INT("partition", task->partition),
                       BYOK_F_INT("offset", task->offset));
        remove_out(task, (size_t)(out - task->outs));
        return;
    }
    if (bare) {
        out->key = (struct byok_str){NULL, 0};
        out->header_count = 0;
    }
    out->refused = false;
    out->topic = BYOK_TOPIC_DLQ;
    out->partition = -1;
    out->value = (struct byok_str){NULL, 0};
    out->tombstone = true;
}

/* A user writes its outcome anew: the record of the user in it would overwrite a newer one that
 * another batch has committed meanwhile.  Nothing is committed until it is back, because the
 * user's later outcomes count its usage.  What the broker can never take is made smaller, or it
 * would fail every batch from now on: a result by its user, a dead letter (or a forward) by leaving
 * its value out, then its key and headers; what is refused even so is given up. */
static void commit_again(struct byok_ctx *ctx, struct publisher *self, struct byok_task *task)
{
    struct byok_out *out = refused_out(task);
    task->batched = false;
    if (byok_audit_is_notes(task)) { /* the next batch makes them anew */
        byok_task_ended(ctx, &task);
        return;
    }
    if (task->user) {
        count_key_changes(ctx, task, false);
        task->refused = task->finished > 0; /* a user's; others may drop theirs */
        self->away += task->refused;
        byok_send_task(ctx, task->user, BYOK_MSG_REFUSED, &task);
        return;
    }
    if (out)
        shrink(ctx, task, out);
    byok_queue_push(&self->again, &task->msg);
}

/* Its tasks are written anew, or dropped with their partition: then the tables, which go on to the
 * positions of later batches, have holes. */
static void note_failure(const struct byok_ctx *ctx, const struct byok_commit *commit)
{
    for (size_t i = 0; i < commit->position_count; i++) {
        struct byok_partition *partition =
            byok_partition_find(ctx->env->partitions, commit->positions[i].partition);
        if (partition)
            partition->torn = ctx->env->settings->at_least_once;
    }
}

/* ---- messages ---- */

/* Its tasks are durable: only now do the watermarks pass them. */
static void note_success(const struct byok_ctx *ctx, const struct byok_commit *commit)
{
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
        if (!partition)
            continue;
        byok_watermark_finish(&partition->marks, task->offset);
        for (size_t i = 0; i < task->out_count; i++) {
            if (task->outs[i].topic == BYOK_TOPIC_STATE)
                byok_ledger_saw(partition, task->outs[i].offset);
        }
    }
    for (size_t i = 0; i < commit->position_count; i++) {
        struct byok_partition *partition =
            byok_partition_find(ctx->env->partitions, commit->positions[i].partition);
        if (partition && commit->positions[i].offset > partition->committed)
            partition->committed = commit->positions[i].offset;
    }
}

static void on_commit_done(struct byok_ctx *ctx, struct publisher *self, struct byok_msg **msg)
{
    struct byok_commit *commit = (struct byok_commit *)*msg;
    *msg = NULL;
    self->under_way--;
    if (commit->fault.code == BYOK_E_OK) {
        note_success(ctx, commit);
        byok_audit_committed(ctx, commit);
        byok_queue_push(&self->applying, &commit->msg);
        return;
    }
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_COMMIT_FAILURES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "commit_failed",
                   BYOK_F_TEXT("code", byok_err_name(commit->fault.code)),
                   BYOK_F_TEXT("reason", commit->fault.text),
                   BYOK_F_INT("requests", commit->task_count));
    note_failure(ctx, commit);
    while (commit->tasks) {
        struct byok_task *task = commit->tasks;
        commit->tasks = (struct byok_task *)task->msg.next;
        commit_again(ctx, self, task);
    }
    byok_commit_free(commit);
    byok_timer_set(ctx, &self->linger, byok_now_us(ctx) + TROUBLE_RETRY_US);
}

static void on_applied(struct byok_ctx *ctx, struct publisher *self, struct byok_msg **msg)
{
    settle_batch(ctx, (struct byok_commit *)*msg);
    *msg = NULL;
    self->at_vault = false;
}

static void on_publish(struct publisher *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    byok_queue_push(task->refused ? &self->again : &self->fresh, *msg);
    *msg = NULL;
    self->away -= task->refused;
    task->refused = false;
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct publisher *self = state;
    enum byok_err err;
    switch ((*msg)->kind) {
    case BYOK_MSG_PUBLISH:
        err = byok_audit_ready(ctx, (const struct byok_task *)*msg);
        if (err != BYOK_E_OK)
            return err;
        count_key_changes(ctx, (const struct byok_task *)*msg, true);
        on_publish(self, msg);
        break;
    case BYOK_MSG_COMMIT_DONE:
        on_commit_done(ctx, self, msg);
        break;
    case BYOK_MSG_APPLIED:
        on_applied(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        if (*msg == &self->linger.msg)
            flush(ctx, self);
        break;
    default:
        assert(!"a message that the publisher does not know");
    }
    apply(ctx, self);
    flush_or_linger(ctx, self);
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct publisher *self = state;
    byok_timer_cancel(ctx, &self->linger);
    byok_timer_cancel(ctx, &self->apply_retry);
    for (struct byok_msg *task;
         (task = byok_queue_pop(&self->again)) || (task = byok_queue_pop(&self->fresh));)
        byok_task_free((struct byok_task *)task);
    for (struct byok_msg *commit;
         (commit = byok_queue_pop(&self->applying)) || (commit = byok_queue_pop(&self->for_vault));)
        byok_commit_free((struct byok_commit *)commit);
}

const struct byok_behavior byok_actor_publisher = {
    .name = "publisher",
    .state_size = sizeof(struct publisher),
    .receive = receive,
    .done = done,
};
