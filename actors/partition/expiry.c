/* SPDX-License-Identifier: MIT */
/* actors/partition/expiry.c - DONE records whose time is over leave the state.
 *
 * One per shard.  It walks the local tables of the running partitions, one after the other, a
 * bounded number of keys at a time, and publishes tombstones of what is old as a task of no
 * request: through the publisher, so that they are committed in the changelog first and then leave
 * the local table.  Until then a request of such an id is still recognised.
 *
 * With a DONE record goes a claim of its id, which only a worker that had lost the partition can
 * have left.  A claim without one belongs to a request that is still to be done, however long that
 * takes; only when no requests topic can still hold it, it is litter.
 */
#include <assert.h>

#include "actors/env.h"
#include "actors/partition/partition.h"
#include "base/buf.h"
#include "base/mem.h"
#include "schemas/state.h"

#define KEYS_A_STEP 1000
#define TOMBSTONES_A_STEP 250
#define PAUSE_US ((int64_t)20000)      /* between steps */
#define TROUBLE_US ((int64_t)1000000)  /* the table cannot be read, or a commit failed */
#define ROUND_MIN_US ((int64_t)1000000)
#define ROUND_MAX_US ((int64_t)600000000)
#define CLAIM_KEEP_MS ((int64_t)90 * 86400 * 1000) /* retention of requests is a week by default */

struct expiry {
    struct byok_timer timer;
    int32_t partition; /* walked, or last walked; -1: begin with the first */
    uint32_t epoch;
    bool walking;
    bool publishing;
    struct byok_buf after; /* where the walk stands; empty: at its beginning */
    struct byok_buf last; /* where the step ended */
    bool end; /* the step reached the end of the claims and DONE records */
    int64_t expired; /* in the step */
};

/* A step of the walk. */
struct step {
    const struct byok_ctx *ctx;
    struct expiry *self;
    struct byok_task *task; /* its outs are the tombstones */
    int64_t wall_ms;
    size_t seen;
    enum byok_err err;
};

static void wait(struct byok_ctx *ctx, struct expiry *self, int64_t us)
{
    byok_timer_set(ctx, &self->timer, byok_now_us(ctx) + us);
}

static struct byok_partition *current(const struct byok_ctx *ctx, const struct expiry *self)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    return self->walking && partition && partition->phase == BYOK_PHASE_RUNNING ? partition : NULL;
}

static int64_t round_us(const struct byok_ctx *ctx)
{
    int64_t part = ctx->env->settings->done_keep_ms * 1000 / 24;
    return part < ROUND_MIN_US ? ROUND_MIN_US : part > ROUND_MAX_US ? ROUND_MAX_US : part;
}

/* ---- one step ---- */

static enum byok_err add_tombstone(const struct step *step, struct byok_str key)
{
    struct byok_out *out = byok_task_out(step->task, BYOK_TOPIC_STATE);
    if (!out)
        return BYOK_E_NOMEM;
    out->partition = step->self->partition;
    out->tombstone = true;
    out->key = byok_arena_copy(&step->task->arena, key);
    return out->key.ptr ? BYOK_E_OK : BYOK_E_NOMEM;
}

static enum byok_err look_at_claim(const struct step *step, struct byok_str key,
                                   struct byok_str value)
{
    struct byok_claim_record claim;
    enum byok_err err = byok_claim_record_decode(value, &claim);
    if (err != BYOK_E_OK)
        return err == BYOK_E_NOMEM ? err : BYOK_E_OK; /* damaged: its request says so */
    if (claim.deadline_wall_ms + CLAIM_KEEP_MS > step->wall_ms)
        return BYOK_E_OK;
    return add_tombstone(step, key);
}

static enum byok_err erase_if_there(const struct step *step, struct byok_str key)
{
    struct byok_store *state = step->ctx->env->state;
    struct byok_str found;
    enum byok_err err =
        state->ops->get(state, step->self->partition, key, &step->task->arena, &found, NULL);
    return err == BYOK_E_OK && found.ptr ? add_tombstone(step, key) : err;
}

/* The key of the claim that goes with a DONE record's differs in its first byte, and that of the
 * claim's withdrawal has a NUL more. */
static enum byok_err erase_claim_of(const struct step *step, struct byok_str done_key)
{
    char *bytes = byok_arena_alloc(&step->task->arena, done_key.len + 1);
    if (!bytes)
        return BYOK_E_NOMEM;
    memcpy(bytes, done_key.ptr, done_key.len);
    bytes[0] = 'c';
    bytes[done_key.len] = '\0';
    enum byok_err err = erase_if_there(step, (struct byok_str){bytes, done_key.len});
    if (err == BYOK_E_OK)
        err = erase_if_there(step, (struct byok_str){bytes, done_key.len + 1});
    return err;
}

static enum byok_err look_at_done(const struct step *step, struct byok_str key,
                                  struct byok_str value)
{
    struct byok_done_record done;
    struct byok_parked_place place;
    enum byok_err err = byok_parked_marker_decode(value, &place);
    if (err == BYOK_E_OK || err == BYOK_E_NOMEM)
        return err; /* the id of a request that is parked */
    err = byok_done_record_decode(value, &done);
    if (err == BYOK_E_NOMEM)
        return err;
    int64_t keep_ms = step->ctx->env->settings->done_keep_ms;
    if (err == BYOK_E_OK && done.finished_wall_ms > step->wall_ms - keep_ms)
        return BYOK_E_OK;
    err = add_tombstone(step, key); /* a damaged one too: it says nothing */
    if (err == BYOK_E_OK)
        err = erase_claim_of(step, key);
    step->self->expired += err == BYOK_E_OK;
    return err;
}

static bool look_at(void *arg, struct byok_str key, struct byok_str value)
{
    struct step *step = arg;
    struct expiry *self = step->self;
    if (step->seen == KEYS_A_STEP || step->task->out_count >= TOMBSTONES_A_STEP)
        return false;
    char kind = key.len > 0 ? key.ptr[0] : '\0';
    if (kind > 'd') {
        self->end = true;
        return false;
    }
    step->seen++;
    if (kind == 'c')
        step->err = look_at_claim(step, key, value);
    else if (kind == 'd')
        step->err = look_at_done(step, key, value);
    if (step->err != BYOK_E_OK)
        return false;
    byok_buf_clear(&self->last);
    if (!byok_buf_add_str(&self->last, key))
        step->err = BYOK_E_NOMEM;
    return step->err == BYOK_E_OK;
}

static enum byok_err scan(const struct byok_ctx *ctx, struct expiry *self, struct byok_task *task)
{
    struct byok_store *state = ctx->env->state;
    struct byok_fault fault = {0};
    struct step step = {.ctx = ctx, .self = self, .task = task};
    step.wall_ms = byok_now_wall_ms(ctx);
    self->end = false;
    self->expired = 0;
    byok_buf_clear(&self->last);
    const struct byok_str first = {NULL, 0};
    enum byok_err err = state->ops->scan_after(state, self->partition,
                                               self->after.len ? byok_buf_str(&self->after) : first,
                                               look_at, &step, &fault);
    if (err == BYOK_E_OK)
        err = step.err;
    if (step.seen < KEYS_A_STEP && task->out_count < TOMBSTONES_A_STEP)
        self->end = true;
    return err;
}

/* ---- the walk ---- */

/* The step is done and, if it changed anything, durable. */
static void advance(struct byok_ctx *ctx, struct expiry *self)
{
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_DONE_EXPIRED, self->expired);
    struct byok_buf before = self->after;
    self->after = self->last;
    self->last = before;
    if (self->end)
        self->walking = false;
}

/* The next partition by number; false: all had their turn. */
static bool begin(const struct byok_ctx *ctx, struct expiry *self)
{
    struct byok_partition *partition, *next, *found = NULL;
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        if (partition->phase == BYOK_PHASE_RUNNING && partition->id > self->partition &&
            (!found || partition->id < found->id))
            found = partition;
    }
    self->walking = found != NULL;
    self->partition = found ? found->id : -1;
    self->epoch = found ? found->epoch : 0;
    byok_buf_clear(&self->after);
    return found != NULL;
}

static void publish(struct byok_ctx *ctx, struct expiry *self, struct byok_partition *partition,
                    struct byok_task *task)
{
    task->user = ctx->self;
    task->partition = partition->id;
    task->epoch = partition->epoch;
    task->offset = -1;
    self->publishing = true;
    byok_work_opened(ctx->env, partition);
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
}

static void go_on(struct byok_ctx *ctx, struct expiry *self)
{
    if (self->publishing)
        return; /* COMMITTED or REFUSED brings us back */
    if (!current(ctx, self) && !begin(ctx, self)) {
        wait(ctx, self, round_us(ctx));
        return;
    }
    struct byok_record *none = NULL;
    struct byok_task *task = byok_task_new(&none, 0);
    enum byok_err err = task ? scan(ctx, self, task) : BYOK_E_NOMEM;
    if (err == BYOK_E_OK && task->out_count > 0) {
        publish(ctx, self, current(ctx, self), task);
        return;
    }
    byok_task_free(task);
    if (err == BYOK_E_OK)
        advance(ctx, self);
    wait(ctx, self, err == BYOK_E_OK ? PAUSE_US : TROUBLE_US);
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct expiry *self = state;
    struct byok_task *task = (struct byok_task *)*msg;
    switch ((*msg)->kind) {
    case BYOK_MSG_COMMITTED: /* also when its partition has gone, and nothing was committed */
        if (current(ctx, self))
            advance(ctx, self);
        wait(ctx, self, PAUSE_US);
        break;
    case BYOK_MSG_REFUSED:
        wait(ctx, self, TROUBLE_US);
        break;
    case BYOK_MSG_TIMER:
        go_on(ctx, self);
        return BYOK_E_OK;
    default:
        assert(!"a message that the expiry does not know");
        return BYOK_E_OK;
    }
    *msg = NULL;
    self->publishing = false;
    byok_task_ended(ctx, &task);
    return BYOK_E_OK;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    struct expiry *self = state;
    (void)arg;
    self->partition = -1;
    byok_buf_init(&self->after, SIZE_MAX);
    byok_buf_init(&self->last, SIZE_MAX);
    wait(ctx, self, round_us(ctx));
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct expiry *self = state;
    byok_timer_cancel(ctx, &self->timer);
    byok_buf_done(&self->after);
    byok_buf_done(&self->last);
}

const struct byok_behavior byok_actor_expiry = {
    .name = "expiry",
    .state_size = sizeof(struct expiry),
    .init = init,
    .receive = receive,
    .done = done,
};
