/* SPDX-License-Identifier: MIT */
/* actors/user/park.c - where a user's requests wait: in memory a few, all others in the state.
 *
 * In memory are the window, and behind it at most settings->queue raw records.  What comes when
 * these are full, what is to wait for a known time, and what has waited long is parked: the record
 * of its place and the marker of its id are committed with its offset.  Taken up again it has no
 * offset; its result's batch erases the place.
 *
 * The window takes the first of all that wait, in memory or in the state.  So nothing passes one
 * that is on its way from here to there: until it is committed, what came behind it stays.
 */
#include "actors/partition/parked.h"
#include "actors/partition/partition.h"
#include "actors/user/outcome.h"
#include "actors/user/parts.h"

/* Part of the shard's memory that one user's raw records may take. */
#define BACKLOG_SHARE 8
#define TROUBLE_RETRY_US ((int64_t)100000)

/* ---- which records wait where ---- */

/* A command's bytes hold its type as it is written; a job whose text does is found out later. */
static bool may_be_command(const struct byok_record *record)
{
    static const char *const types[] = {"key.", "user.configure", "job.cancel"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (byok_str_find(record->value, byok_str_of(types[i])) != SIZE_MAX)
            return true;
    }
    return false;
}

/* Some are in the state, or on their way there. */
static bool has_queue(const struct byok_user *self)
{
    return self->overflow.head || self->queue.more || self->queue.parking;
}

static bool is_full(const struct byok_ctx *ctx, const struct byok_user *self, size_t bytes)
{
    const struct byok_settings *settings = ctx->env->settings;
    return has_queue(self) || self->backlog.count >= settings->queue ||
           self->backlog_bytes + bytes > settings->held_bytes_max / BACKLOG_SHARE;
}

void byok_user_line_up(const struct byok_ctx *ctx, struct byok_user *self,
                       struct byok_record **record)
{
    struct byok_record *taken = *record;
    bool waits =
        self->backlog.head || self->fenced || has_queue(self) || byok_user_room(ctx, self) == 0;
    *record = NULL;
    /* also when nothing waits: left in the backlog, for want of memory, a later command would overtake
     * it, and an older limit would take the place of a newer one */
    if (!taken->is_job && may_be_command(taken)) {
        byok_queue_push(&self->commands, &taken->msg);
    } else if (waits && is_full(ctx, self, taken->bytes)) {
        byok_queue_push(&self->overflow, &taken->msg);
    } else {
        byok_queue_push(&self->backlog, &taken->msg);
        self->backlog_bytes += taken->bytes;
    }
}

/* One of the queue in the state waits there, and not in memory. */
static void stays(struct byok_user *self, const struct byok_parked_place *place)
{
    self->queue.after = byok_user_earliest(self->queue.after, place->order - 1);
    self->queue.more = true;
    if (place->order < self->budget_need_order) /* there is another first */
        self->budget_need = 0;
}

void byok_user_spill(struct byok_ctx *ctx, struct byok_user *self)
{
    struct byok_queue spilled = {0};
    for (struct byok_msg *msg; (msg = byok_queue_pop(&self->backlog)) != NULL;) {
        struct byok_record *record = (struct byok_record *)msg;
        if (record->is_parked && record->place.due_wall_ms == 0) {
            stays(self, &record->place);
            byok_record_dropped(ctx, &record);
        } else {
            byok_queue_push(&spilled, msg);
        }
    }
    byok_queue_prepend(&self->overflow, &spilled); /* they came before those */
    self->backlog_bytes = 0;
}

/* ---- which is the first ---- */

static int64_t order_of(const struct byok_msg *msg)
{
    return msg ? byok_user_order((const struct byok_record *)msg) : INT64_MAX;
}

/* Of those that are to be in the user's queue in the state and are not yet. */
static int64_t first_parking(const struct byok_user *self)
{
    const struct byok_task *task = self->queue.parking;
    return byok_user_earliest(order_of(self->overflow.head), task ? task->place.order : INT64_MAX);
}

/* What is taken up is before that, too: it must not have to wait in memory. */
static int64_t refill_end(const struct byok_user *self)
{
    return byok_user_earliest(first_parking(self), order_of(self->backlog.head));
}

bool byok_user_may_take(const struct byok_user *self)
{
    return order_of(self->backlog.head) < first_parking(self);
}

/* ---- from the state ---- */

struct refill {
    struct byok_ctx *ctx;
    struct byok_user *self;
    struct byok_queue records;
    size_t room;
    int64_t end; /* not from that order on */
    int64_t after;
    bool more;
    enum byok_err err;
};

static bool take_up(void *arg, struct byok_str key, struct byok_str value)
{
    struct refill *refill = arg;
    struct byok_str user;
    struct byok_parked_place place;
    if (!byok_parked_key_read(key, &user, &place) || place.due_wall_ms != 0 ||
        !byok_str_eq(user, byok_user_id(refill->self)))
        return false; /* past the user's own */
    refill->more = true;
    if (refill->records.count == refill->room || place.order >= refill->end) {
        refill->after = place.order - 1;
        return false;
    }
    struct byok_record *record = NULL;
    refill->err = byok_parked_to_record(user, &place, value, &record);
    if (refill->err == BYOK_E_BAD_MESSAGE) {
        byok_parked_damaged(refill->ctx, refill->self->partition, user);
        refill->err = BYOK_E_OK;
    }
    if (refill->err != BYOK_E_OK)
        return false;
    if (record)
        byok_queue_push(&refill->records, &record->msg);
    refill->after = place.order;
    refill->more = false;
    return true;
}

/* What was read before something failed is taken all the same. */
static enum byok_err read_queue(struct refill *refill)
{
    const struct byok_user *self = refill->self;
    struct byok_store *state = refill->ctx->env->state;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_fault fault = {0};
    const struct byok_parked_place after = {0, self->queue.after < 0 ? 0 : self->queue.after};
    struct byok_str key = byok_parked_key(&arena, byok_user_id(self), &after);
    if (!key.ptr)
        return BYOK_E_NOMEM;
    if (self->queue.after < 0)
        key.len--; /* before the first */
    enum byok_err err =
        state->ops->scan_after(state, self->partition, key, take_up, refill, &fault);
    if (err == BYOK_E_OK)
        return refill->err;
    byok_metric_add(refill->ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    byok_log_event(refill->ctx->env->log, BYOK_LOG_ERROR, "state_unreadable",
                   BYOK_F_INT("partition", self->partition), BYOK_F_TEXT("reason", fault.text));
    return err;
}

bool byok_user_may_refill(const struct byok_ctx *ctx, const struct byok_user *self)
{
    return self->queue.more && !ctx->env->partitions->paused && !byok_user_budget_bars(self) &&
           self->queue.after + 1 < refill_end(self) &&
           byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
}

enum byok_err byok_user_refill(struct byok_ctx *ctx, struct byok_user *self)
{
    struct refill refill = {.ctx = ctx, .self = self, .after = self->queue.after};
    struct byok_partition *partition =
        byok_user_may_refill(ctx, self) ? byok_partition_find(ctx->env->partitions, self->partition)
                                        : NULL;
    if (!partition)
        return BYOK_E_OK;
    self->budget_need = 0; /* the first of them is looked at */
    refill.room = byok_user_room(ctx, self);
    refill.end = refill_end(self);
    enum byok_err err = read_queue(&refill);
    self->queue.after = refill.after;
    if (err == BYOK_E_OK)
        self->queue.more = refill.more;
    for (struct byok_msg *msg = refill.records.head; msg; msg = msg->next) {
        struct byok_record *record = (struct byok_record *)msg;
        record->partition = self->partition;
        record->epoch = self->epoch;
        record->taken_us = byok_now_us(ctx);
        byok_record_opened(ctx->env, partition, record);
        self->backlog_bytes += record->bytes;
    }
    byok_queue_prepend(&self->backlog, &refill.records);
    return err;
}

enum byok_err byok_user_find_queue(const struct byok_ctx *ctx, struct byok_user *self)
{
    struct byok_ctx own = *ctx;
    struct refill refill = {.ctx = &own, .self = self, .room = 0};
    self->queue.after = refill.after = -1;
    enum byok_err err = read_queue(&refill);
    self->queue.after = refill.after;
    if (err == BYOK_E_OK)
        self->queue.more = refill.more;
    return err;
}

/* ---- into the state ---- */

static void note_past(const struct byok_ctx *ctx, const struct byok_task *task,
                      struct byok_parked_past *past)
{
    past->leg = task->leg;
    past->attempt_count = task->attempt_count;
    past->limited = task->limited;
    memcpy(past->attempts, task->attempts, sizeof past->attempts);
    if (task->request.deadline_wall_ms == 0 && task->deadline_us != INT64_MAX)
        past->deadline_wall_ms =
            byok_now_wall_ms(ctx) + (task->deadline_us - byok_now_us(ctx)) / 1000;
}

static enum byok_err write_place(const struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_parked parked = {
        .content_type = byok_str_of(byok_format_content_type(task->request.format)),
        .traceparent = task->request.traceparent,
        .timestamp_wall_ms = task->record->timestamp_wall_ms,
        .request = task->record->value,
    };
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, SIZE_MAX / 2);
    note_past(ctx, task, &parked.past);
    enum byok_err err = byok_parked_encode(&parked, &task->arena, &buf);
    struct byok_str key = byok_parked_key(&task->arena, task->request.user, &task->place);
    return err == BYOK_E_OK ? byok_outcome_state(task, key, &buf) : err;
}

static enum byok_err write_marker(struct byok_task *task)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, SIZE_MAX / 2);
    enum byok_err err = byok_parked_marker_encode(&task->place, &buf);
    struct byok_str key = byok_done_key(&task->arena, task->request.user, task->request.id);
    return err == BYOK_E_OK ? byok_outcome_state(task, key, &buf) : err;
}

static bool moves(const struct byok_task *task)
{
    const struct byok_parked_place *old = &task->record->place;
    return task->record->is_parked &&
           (old->due_wall_ms != task->place.due_wall_ms || old->order != task->place.order);
}

static enum byok_err write_all(const struct byok_ctx *ctx, const struct byok_user *self,
                               struct byok_task *task)
{
    task->out_count = 0;
    enum byok_err err = write_place(ctx, task);
    if (err == BYOK_E_OK)
        err = write_marker(task);
    if (err == BYOK_E_OK && moves(task))
        err = byok_outcome_state(
            task, byok_parked_key(&task->arena, task->request.user, &task->record->place), NULL);
    if (err == BYOK_E_OK && task->attempt_count > 0) /* what its calls used of the limits */
        err = byok_outcome_user(ctx->env, &self->record, task);
    return err;
}

static int64_t wall_of(const struct byok_ctx *ctx, int64_t at_us)
{
    int64_t left_ms = (at_us - byok_now_us(ctx) + 999) / 1000;
    return byok_now_wall_ms(ctx) + (left_ms > 0 ? left_ms : 0);
}

/* When it is due, in wall time.  Of a job that was not tried yet it is as the message says, to the
 * millisecond, so that it is the same place whoever parks it, and however often. */
static int64_t due_of(const struct byok_ctx *ctx, const struct byok_task *task, int64_t at_us)
{
    const struct byok_request *request = &task->request;
    int64_t due_ms = wall_of(ctx, at_us), end_ms = request->deadline_wall_ms;
    if (task->attempt_count == 0 && request->not_before_wall_ms > 0)
        due_ms = request->not_before_wall_ms;
    return end_ms > 0 && end_ms < due_ms ? end_ms : due_ms;
}

/* Nearly always behind all others, since they are parked in order. */
static void parking_add(struct byok_user *self, struct byok_task *task)
{
    struct byok_task *first = self->queue.parking, *before = first ? first->prev : NULL;
    if (task->place.due_wall_ms != 0)
        return;
    while (before && before->place.order > task->place.order)
        before = before == first ? NULL : before->prev;
    DL_APPEND_ELEM(self->queue.parking, before, task);
    self->queue.parking_count++;
}

void byok_user_parking_remove(struct byok_user *self, struct byok_task *task)
{
    if (task->place.due_wall_ms != 0)
        return;
    DL_DELETE(self->queue.parking, task);
    self->queue.parking_count--;
}

enum byok_err byok_user_park(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                             int64_t at_us)
{
    if (task->deadline_us < at_us)
        at_us = task->deadline_us; /* to be told of it in time */
    task->arena.failed = false; /* of an earlier try */
    byok_user_save_debts(ctx, self);
    byok_user_budget_park(self, task);
    if (!task->placed)
        task->place = (struct byok_parked_place){
            .due_wall_ms = at_us > 0 ? due_of(ctx, task, at_us) : 0,
            .order = task->record->is_parked ? task->record->place.order : task->offset,
        };
    enum byok_err err = write_all(ctx, self, task);
    if (err != BYOK_E_OK)
        return err;
    parking_add(self, task);
    task->parking = true;
    byok_task_weigh(ctx->env, task);
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
    return BYOK_E_OK;
}

void byok_user_parked(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    byok_user_parking_remove(self, task);
    if (!partition)
        return; /* and nothing was committed */
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_PARKED, 1);
    if (task->place.due_wall_ms != 0) {
        byok_parked_added(ctx, partition, &task->place);
        return;
    }
    if (!self->closed)
        stays(self, &task->place);
}

/* It was refused by its key's limit, for which it waits at its place among the others. */
static bool waits_for_limit(const struct byok_task *task)
{
    const uint32_t noted = byok_task_noted(task);
    return noted > 0 && task->attempts[noted - 1].code == BYOK_E_RATE_LIMITED &&
           task->not_before_us == 0;
}

/* Such a one is parked when that is long, so that what it was told is not forgotten; once for each
 * time. */
static bool is_refused_for_long(const struct byok_ctx *ctx, const struct byok_user *self,
                                const struct byok_task *task, int64_t now)
{
    return waits_for_limit(task) && task->attempt_count > task->kept &&
           byok_user_key_due(self, task, true) >= byok_user_parks_at(ctx, now);
}

/* Of the window, those for the same provider that stand behind one that is parked go with it: they
 * have waited as long, or will have, or are in the state still. */
static void park_behind(struct byok_ctx *ctx, struct byok_user *self, const struct byok_task *first,
                        int64_t taken_us)
{
    for (struct byok_task *task = first->next, *next; task; task = next) {
        struct byok_record *record = task->record;
        next = task->next;
        if (task->provider != first->provider || task->unparkable || task->cancelled ||
            (task->attempt_count > 0 && !waits_for_limit(task)) || task->not_before_us > 0 ||
            !byok_user_can_park(task))
            continue;
        record->taken_us = byok_user_earliest(record->taken_us, taken_us);
        if (!record->is_parked || record->place.due_wall_ms > 0 || task->attempt_count > task->kept)
            continue;
        byok_user_window_remove(self, task);
        stays(self, &record->place);
        byok_user_drop(ctx, self, task);
    }
}

/* It or one behind it that would have to go along is to end at its deadline.  The one that was found
 * answers for all before it. */
static bool has_deadline(struct byok_lane *lane, const struct byok_task *first)
{
    if (byok_user_order(first->record) <= lane->deadline_order)
        return true;
    for (const struct byok_task *task = first; task; task = task->next) {
        if (task->provider != first->provider || task->deadline_us == INT64_MAX)
            continue;
        lane->deadline_order = byok_user_order(task->record);
        return true;
    }
    return false;
}

/* One of the queue in the state that the budget has no room for goes back there, with those behind
 * it, for that may be so for a month, and other users' jobs need the memory; what was tried since it
 * was taken up is written there.  A deadline keeps it here, but for want of memory. */
static bool leaves(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                   int64_t *wake_us)
{
    int64_t now = byok_now_us(ctx), at = byok_user_parks_at(ctx, task->record->taken_us);
    if (self->budget.amount == 0 || !byok_user_can_park(task) || task->unparkable ||
        task->cancelled)
        return false;
    if (at > now || byok_user_budget_lets(ctx, self, task) ||
        (has_deadline(byok_user_lane(ctx, self, task), task) && !ctx->env->partitions->paused)) {
        at = at > now ? at : byok_user_parks_at(ctx, now);
        *wake_us = byok_user_earliest(*wake_us, at);
        return false;
    }
    byok_user_budget_leaves(ctx, self, task);
    park_behind(ctx, self, task, task->record->taken_us);
    byok_user_window_remove(self, task);
    if (task->attempt_count <= task->kept && task->record->place.due_wall_ms == 0) {
        stays(self, &task->record->place);
        byok_user_drop(ctx, self, task);
        return true;
    }
    enum byok_err err = byok_user_park(ctx, self, task, 0); /* one that waited for a time as well */
    if (err != BYOK_E_OK) {
        byok_user_window_return(self, task);
        task->unparkable = err == BYOK_E_TOO_LARGE;
        *wake_us = byok_user_earliest(*wake_us, now + TROUBLE_RETRY_US);
        return false;
    }
    return true;
}

bool byok_user_park_old(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                        int64_t *wake_us)
{
    int64_t now = byok_now_us(ctx), taken_us = task->record->taken_us;
    bool refused = is_refused_for_long(ctx, self, task, now);
    if (refused)
        taken_us = byok_user_earliest(taken_us, now - ctx->env->settings->park_after_us);
    int64_t at = byok_user_parks_at(ctx, taken_us);
    if (task->record->is_parked && !refused)
        return leaves(ctx, self, task, wake_us);
    if (task->unparkable || !byok_user_can_park(task))
        return false;
    if (at <= now) {
        if ((task->attempt_count == 0 || waits_for_limit(task)) && task->not_before_us <= now)
            park_behind(ctx, self, task, taken_us);
        byok_user_window_remove(self, task);
        enum byok_err err =
            byok_user_park(ctx, self, task, task->not_before_us > now ? task->not_before_us : 0);
        if (err == BYOK_E_OK)
            return true;
        byok_user_window_return(self, task);
        task->unparkable = err == BYOK_E_TOO_LARGE;
        at = task->unparkable ? INT64_MAX : now + TROUBLE_RETRY_US;
    }
    *wake_us = at < *wake_us ? at : *wake_us;
    return false;
}

int64_t byok_user_parks_backlog_at(const struct byok_ctx *ctx, const struct byok_user *self)
{
    const struct byok_record *oldest =
        self->fenced ? NULL : (const struct byok_record *)self->backlog.head;
    return oldest ? byok_user_parks_at(ctx, oldest->taken_us) : INT64_MAX;
}

bool byok_user_is_refused(const struct byok_task *task, enum byok_topic topic)
{
    for (size_t i = 0; i < task->out_count; i++) {
        if (task->outs[i].refused && task->outs[i].topic == topic)
            return true;
    }
    return false;
}

static void drop_all(struct byok_ctx *ctx, struct byok_queue *queue)
{
    for (struct byok_msg *msg; (msg = byok_queue_pop(queue)) != NULL;) {
        struct byok_record *record = (struct byok_record *)msg;
        byok_record_dropped(ctx, &record);
    }
}

void byok_user_drop_raw(struct byok_ctx *ctx, struct byok_user *self)
{
    drop_all(ctx, &self->commands);
    drop_all(ctx, &self->backlog);
    drop_all(ctx, &self->overflow);
    drop_all(ctx, &self->wanted);
    self->queue.more = false; /* it is the next owner's */
}
