/* SPDX-License-Identifier: MIT */
/* actors/vault/rewrap.c - rotation of the master key: seals what older ones sealed anew, while
 * jobs run.
 *
 * One per shard.  It walks the vault's table of each partition once per assignment, in steps that
 * the vault's thread makes between its other work.  New records go the way of registrations:
 * through the publisher into the changelog, then into the table.  Nothing is kept about how far it
 * came: a walk that a crash ended begins anew and passes over what is done.
 *
 * No update is lost: a step is void when a registration or deletion of the partition was under way
 * when it began, or has come to the publisher since.  What comes later stands behind the step's
 * records in the changelog.  A step whose commit failed is made again from the table.
 */
#include <assert.h>

#include "actors/env.h"
#include "actors/partition/partition.h"
#include "base/buf.h"
#include "base/mem.h"

#define LOOK_US ((int64_t)1000000)   /* for partitions to walk */
#define BUSY_US ((int64_t)20000)     /* a key command is under way */
#define TROUBLE_US ((int64_t)1000000) /* the vault's table cannot be read, or a commit failed */

struct rewrap {
    struct byok_timer timer;
    struct byok_rewrap *step; /* NULL: with the vault */
    bool walking;
    int32_t partition;
    uint32_t epoch;
    struct byok_buf after; /* where the walk stands; empty: at its beginning */
    int64_t changed, stuck; /* of the walk */
};

static struct byok_partition *current(const struct byok_ctx *ctx, const struct rewrap *self)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    return partition && partition->phase == BYOK_PHASE_RUNNING ? partition : NULL;
}

static void wait(struct byok_ctx *ctx, struct rewrap *self, int64_t us)
{
    byok_timer_set(ctx, &self->timer, byok_now_us(ctx) + us);
}

/* The next partition that was not walked since it came; also tells how many there are. */
static void begin(struct byok_ctx *ctx, struct rewrap *self)
{
    struct byok_partition *partition, *next;
    int64_t left = 0;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->phase != BYOK_PHASE_RUNNING || partition->rewrapped)
            continue;
        if (left++ > 0)
            continue;
        self->walking = true;
        self->partition = partition->id;
        self->epoch = partition->epoch;
        self->changed = self->stuck = 0;
        byok_buf_clear(&self->after);
    }
    byok_metric_set(ctx->env->metrics, BYOK_METRIC_REWRAP_LEFT, left);
}

static void go_on(struct byok_ctx *ctx, struct rewrap *self)
{
    if (!self->step)
        return; /* its return brings us back */
    if (!self->walking)
        begin(ctx, self);
    struct byok_partition *partition = self->walking ? current(ctx, self) : NULL;
    if (!partition) {
        self->walking = false;
        wait(ctx, self, LOOK_US);
        return;
    }
    if (partition->key_changes_open > 0) {
        wait(ctx, self, BUSY_US);
        return;
    }
    struct byok_rewrap *step = self->step;
    byok_arena_done(&step->arena);
    byok_arena_init(&step->arena, 0);
    step->partition = self->partition;
    step->key_changes = partition->key_changes;
    step->fault = (struct byok_fault){0};
    step->step.after = self->after.len > 0 ? byok_buf_str(&self->after) : (struct byok_str){0};
    struct byok_msg *msg = &step->msg;
    self->step = NULL;
    byok_send(ctx, ctx->env->vault, BYOK_MSG_REWRAP, &msg);
}

static void tell_stuck(const struct byok_ctx *ctx, const struct rewrap *self,
                       const struct byok_rewrap_step *step)
{
    for (size_t i = 0; i < step->stuck_count && i < BYOK_REWRAP_STUCK_MAX; i++) {
        const struct byok_rewrap_stuck *one = &step->stuck[i];
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR,
                       one->missing ? "key_needs_master_key" : "sealed_key_unreadable",
                       BYOK_F_INT("partition", self->partition), BYOK_F_STR("user", one->user),
                       BYOK_F_STR("provider", one->provider), BYOK_F_STR("label", one->label),
                       BYOK_F_INT("master_key", one->master_key_id));
    }
}

static void end_walk(struct byok_ctx *ctx, struct rewrap *self, struct byok_partition *partition)
{
    partition->rewrapped = true;
    self->walking = false;
    byok_log_event(ctx->env->log,
                   self->stuck > 0     ? BYOK_LOG_ERROR
                   : self->changed > 0 ? BYOK_LOG_INFO
                                       : BYOK_LOG_DEBUG,
                   "partition_rewrapped", BYOK_F_INT("partition", self->partition),
                   BYOK_F_INT("keys", self->changed), BYOK_F_INT("stuck", self->stuck));
}

/* The step is done and, if it changed anything, durable. */
static void advance(struct byok_ctx *ctx, struct rewrap *self, struct byok_partition *partition)
{
    const struct byok_rewrap_step *step = &self->step->step;
    tell_stuck(ctx, self, step);
    self->stuck += (int64_t)step->stuck_count;
    self->changed += (int64_t)step->count;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_REWRAPPED, (int64_t)step->count);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_KEYS_STUCK, (int64_t)step->stuck_count);
    if (step->end)
        end_walk(ctx, self, partition);
    else
        byok_buf_clear(&self->after);
    if (!step->end && !byok_buf_add_str(&self->after, step->last))
        self->walking = false; /* no memory for the place: from the beginning */
}

/* The step's records as a task of no request; false: no memory. */
static bool publish(struct byok_ctx *ctx, struct rewrap *self, struct byok_partition *partition)
{
    const struct byok_rewrap_step *step = &self->step->step;
    struct byok_record *none = NULL;
    struct byok_task *task = byok_task_new(&none, 0);
    if (!task)
        return false;
    for (size_t i = 0; i < step->count; i++) {
        struct byok_out *out = byok_task_out(task, BYOK_TOPIC_VAULT);
        if (!out) {
            byok_task_free(task);
            return false;
        }
        out->partition = partition->id;
        out->key = byok_arena_copy(&task->arena, step->writes[i].key);
        out->value = byok_arena_copy(&task->arena, step->writes[i].value);
    }
    if (byok_arena_failed(&task->arena)) {
        byok_task_free(task);
        return false;
    }
    task->user = ctx->self;
    task->partition = partition->id;
    task->epoch = partition->epoch;
    task->offset = -1;
    byok_work_opened(ctx->env, partition);
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
    return true;
}

static void on_rewrapped(struct byok_ctx *ctx, struct rewrap *self, struct byok_msg **msg)
{
    struct byok_rewrap *step = self->step = (struct byok_rewrap *)*msg;
    struct byok_partition *partition = current(ctx, self);
    *msg = NULL;
    if (!partition) {
        go_on(ctx, self);
        return;
    }
    bool is_void = partition->key_changes != step->key_changes || partition->key_changes_open > 0;
    if (step->fault.code != BYOK_E_OK) {
        wait(ctx, self, TROUBLE_US);
    } else if (is_void && step->step.count > 0) {
        go_on(ctx, self);
    } else if (step->step.count == 0) {
        advance(ctx, self, partition);
        go_on(ctx, self);
    } else if (!publish(ctx, self, partition)) {
        wait(ctx, self, TROUBLE_US);
    } /* else COMMITTED or REFUSED brings us back */
}

/* Also when its partition has gone, and nothing was committed. */
static void on_committed(struct byok_ctx *ctx, struct rewrap *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    byok_task_ended(ctx, &task);
    struct byok_partition *partition = current(ctx, self);
    if (partition)
        advance(ctx, self, partition);
    go_on(ctx, self);
}

static void on_refused(struct byok_ctx *ctx, struct rewrap *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    byok_task_ended(ctx, &task);
    wait(ctx, self, TROUBLE_US);
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct rewrap *self = state;
    switch ((*msg)->kind) {
    case BYOK_MSG_REWRAPPED:
        on_rewrapped(ctx, self, msg);
        break;
    case BYOK_MSG_COMMITTED:
        on_committed(ctx, self, msg);
        break;
    case BYOK_MSG_REFUSED:
        on_refused(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        go_on(ctx, self);
        break;
    default:
        assert(!"a message that the rewrap does not know");
    }
    return BYOK_E_OK;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    struct rewrap *self = state;
    (void)arg;
    self->step = byok_new(1, sizeof *self->step);
    if (!self->step)
        return BYOK_E_NOMEM;
    byok_buf_init(&self->after, SIZE_MAX);
    if (ctx->env->settings->rewrap)
        wait(ctx, self, LOOK_US);
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct rewrap *self = state;
    byok_timer_cancel(ctx, &self->timer);
    byok_buf_done(&self->after);
    byok_rewrap_free(self->step);
}

const struct byok_behavior byok_actor_rewrap = {
    .name = "rewrap",
    .state_size = sizeof(struct rewrap),
    .init = init,
    .receive = receive,
    .done = done,
};
