/* SPDX-License-Identifier: MIT */
/* actors/user/user.c - one user's requests: in order, once each, within the limits.
 *
 * A request waits as its raw record in the backlog; a window of them is decoded and may go to the
 * providers in any order that limits and retries allow.  A command (key.register, …) is a fence:
 * what comes behind it waits until it is committed, so that "register, then use" holds.
 */
#include <assert.h>

#include <utlist.h>

#include "actors/partition/partition.h"
#include "actors/publisher/ledger.h"
#include "actors/publisher/payloads.h"
#include "actors/user/outcome.h"
#include "actors/user/parts.h"
#include "actors/user/retry.h"
#include "actors/user/user.h"
#include "base/mem.h"

#define TROUBLE_RETRY_US ((int64_t)100000)
#define PASSED_MAX 64 /* a look over all that wait costs as much as they are many */

/* ---- from the window to the providers ---- */

static uint32_t known_count(const struct byok_user *self)
{
    return HASH_COUNT(self->known) - 1; /* the anchor */
}

/* Whether anything could still reach this actor. */
static bool is_quiet(const struct byok_ctx *ctx, const struct byok_user *self)
{
    for (size_t i = 0; i < ctx->env->provider_count; i++) {
        if (self->lanes[i].ready.away)
            return false;
    }
    return (self->loaded || self->closed) && !self->backlog.head && !self->commands.head &&
           !self->overflow.head && !self->queue.more && known_count(self) == 0 &&
           byok_actor_pending(ctx->self) == 0;
}

static void leave(struct byok_ctx *ctx, struct byok_user *self)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    if (partition)
        byok_partition_remove_user(partition, byok_user_id(self), ctx->self);
    byok_stop(ctx->self);
}

/* While more mail is there, only take in what came: the last of it brings us back. */
static bool passes(struct byok_ctx *ctx, struct byok_user *self)
{
    bool more = byok_actor_pending(ctx->self) > 0 && self->passed < PASSED_MAX && self->loaded &&
                !self->closed && byok_user_fill(ctx, self) == BYOK_E_OK;
    self->passed = more ? self->passed + 1 : 0;
    return more;
}

/* After a message: take in, offer, and see when to wake up. */
static void go_on(struct byok_ctx *ctx, struct byok_user *self)
{
    if (passes(ctx, self))
        return;
    int64_t now = byok_now_us(ctx), wake_us = INT64_MAX;
    enum byok_err err = BYOK_E_OK;
    bool looked = false;
    if (!self->closed && !self->loaded)
        err = byok_user_load(ctx, self);
    /* again while room was made: what ends without a call leaves the window at once */
    for (bool more = true; err == BYOK_E_OK && more && self->loaded && !self->closed;) {
        err = byok_user_fill(ctx, self);
        if (err == BYOK_E_OK)
            err = byok_user_cancel(ctx, self);
        enum byok_err seen = byok_user_look(ctx, self, now); /* whatever cannot be taken */
        looked = seen == BYOK_E_OK;
        wake_us = self->look_us;
        err = err == BYOK_E_OK ? seen : err;
        more = byok_user_may_fill(ctx, self);
    }
    wake_us = byok_user_earliest(wake_us, byok_user_parks_backlog_at(ctx, self));
    if (byok_user_budget_bars(self))
        wake_us = byok_user_earliest(wake_us, byok_user_budget_at(ctx, self, now));
    bool is_short =
        self->queue.more && ctx->env->partitions->paused && !byok_user_budget_bars(self);
    if (!byok_user_fetch(ctx, self, now, &wake_us) || is_short) /* of memory */
        wake_us = byok_user_earliest(wake_us, now + TROUBLE_RETRY_US);
    if (err != BYOK_E_OK)
        wake_us = now + TROUBLE_RETRY_US;
    if (looked)
        byok_user_offer(ctx, self, now, &wake_us);
    self->stale = self->stale || !byok_user_is_calm(ctx, self, now);
    if (is_quiet(ctx, self)) {
        if (self->idle_from_us == 0)
            self->idle_from_us = now;
        if (self->closed || now - self->idle_from_us >= ctx->env->settings->user_idle_us) {
            leave(ctx, self);
            return;
        }
        wake_us = self->idle_from_us + ctx->env->settings->user_idle_us;
    } else {
        self->idle_from_us = 0;
    }
    if (wake_us == INT64_MAX)
        byok_timer_cancel(ctx, &self->timer);
    else
        byok_timer_set(ctx, &self->timer, wake_us);
}

/* ---- messages ---- */

static void on_request(const struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_record *record = (struct byok_record *)*msg;
    *msg = NULL;
    record->taken_us = byok_now_us(ctx);
    byok_user_line_up(ctx, self, &record);
}

static void on_close(struct byok_ctx *ctx, struct byok_user *self)
{
    self->closed = true;
    byok_user_drop_raw(ctx, self);
    while (self->window) {
        struct byok_task *task = self->window;
        byok_user_window_remove(self, task);
        byok_user_leave_to_next(ctx, self, task);
    }
    while (self->cancels) {
        struct byok_task *task = self->cancels;
        DL_DELETE(self->cancels, task);
        byok_user_drop(ctx, self, task);
    }
}

static void settle_tokens(const struct byok_ctx *ctx, struct byok_user *self,
                          struct byok_task *task, bool sent)
{
    const struct byok_usage *usage = byok_speech_usage(task);
    int64_t used = task->reserved_tokens;
    if (!sent)
        used = 0;
    else if (usage->input_tokens >= 0 || usage->output_tokens >= 0)
        used = (usage->input_tokens > 0 ? usage->input_tokens : 0) +
               (usage->output_tokens > 0 ? usage->output_tokens : 0);
    if (!byok_user_is_exempt(task) && task->reserved_tokens > 0)
        byok_limit_settle(&self->tokens, byok_now_us(ctx), task->tokens_ticket,
                          task->reserved_tokens, used);
    task->reserved_tokens = 0;
}

static bool last_was_sent(const struct byok_task *task)
{
    return task->http.sent;
}

/* Whether a failed attempt is made again, and when. */
static bool retries(const struct byok_ctx *ctx, const struct byok_task *task, int64_t *at_us)
{
    if (task->fault.code == BYOK_E_OK)
        return false; /* before chance is asked for */
    const struct byok_settings *settings = ctx->env->settings;
    const struct byok_retry_policy policy = {settings->attempts_max, settings->backoff_base_us,
                                             settings->backoff_max_us};
    const struct byok_retry_case what = {
        .fault = &task->fault,
        .sent = last_was_sent(task),
        .attempts = byok_user_attempts(task) - task->parted - byok_speech_done(task),
        .limited = task->limited,
        .on_unknown = task->request.on_unknown,
        .now_us = byok_now_us(ctx),
        .deadline_us = task->deadline_us,
        .random = task->bulk ? task->bulk->random : ctx->env->clock->ops->random(ctx->env->clock),
    };
    return byok_retry_decide(&policy, &what, at_us);
}

/* Whether a failed job goes out again: to another of its providers, or to this one. */
static bool goes_on(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                    int64_t *at_us)
{
    bool left = byok_user_falls_back(ctx, self, task, false);
    if (!left && retries(ctx, task, at_us))
        return true;
    left = left || byok_user_falls_back(ctx, self, task, true);
    if (left)
        *at_us = byok_now_us(ctx);
    return left;
}

/* Why it is not tried again, in front of what the provider said; once. */
static void tell_vain_wait(const struct byok_ctx *ctx, struct byok_task *task)
{
    static const char begin[] = "not tried again: ";
    const struct byok_retry_case what = {
        .fault = &task->fault, .now_us = byok_now_us(ctx), .deadline_us = task->deadline_us};
    if (!byok_retry_is_vain(&what) ||
        byok_str_starts(byok_str_of(task->fault.text), byok_str_of(begin)))
        return;
    const struct byok_fault said = task->fault;
    byok_fault_set(&task->fault, said.code,
                   "%sthe provider asks to wait %lld ms, which passes the job's deadline: %s",
                   begin, (long long)said.retry_after_ms, said.text);
    task->fault.http_status = said.http_status;
    task->fault.retry_after_ms = said.retry_after_ms;
}

/* When a job that goes out again does so by itself; 0: whenever its turn comes.  What its provider
 * has said of its key holds up all of the key's jobs, whatever is done before it waits, and the
 * job keeps its place among them: the oldest finds out. */
static int64_t due_again(struct byok_user *self, struct byok_task *task, int64_t at_us)
{
    bool holds = task->fault.code == BYOK_E_RATE_LIMITED && byok_user_key_limit(self, task, at_us);
    return holds ? 0 : at_us;
}

/* Until task->not_before_us, in the window, or in the state when that is long. */
static void wait_for_retry(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    enum byok_err err = BYOK_E_TOO_LARGE;
    int64_t at_us = task->not_before_us;
    task->fault = (struct byok_fault){0};
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_RETRIES, !task->late);
    if (at_us >= byok_user_parks_at(ctx, byok_now_us(ctx)) && byok_user_can_park(task))
        err = byok_user_park(ctx, self, task, at_us);
    if (err == BYOK_E_OK)
        return;
    byok_user_window_return(self, task); /* also when there is no memory to park it */
}

/* The next part of a long text takes the next turn. */
static void next_part(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    task->not_before_us = 0;
    task->calling = false;
    if (self->closed)
        byok_user_leave_to_next(ctx, self, task);
    else
        byok_user_window_return(self, task);
}

static enum byok_status final_status(const struct byok_task *task)
{
    if (task->fault.code == BYOK_E_OK)
        return BYOK_STATUS_OK;
    bool unclear = task->fault.code == BYOK_E_TIMEOUT || task->fault.code == BYOK_E_CUT_OFF;
    return unclear && last_was_sent(task) ? BYOK_STATUS_UNKNOWN : BYOK_STATUS_ERROR;
}

static void call_ended(struct byok_user *self, struct byok_lane *lane, bool own)
{
    self->calls -= own;
    lane->calls -= own;
}

/* Delivered again when it failed for memory: everything before the call of finish() may be done
 * twice. */
static enum byok_err on_ended(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    struct byok_lane *lane = byok_user_lane(ctx, self, task);
    bool ours = byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    byok_user_learn(ctx, self, task);
    settle_tokens(ctx, self, task, last_was_sent(task));
    byok_user_budget_settle(ctx, self, task);
    byok_user_key_unsent(ctx, self, task);
    int64_t at_us = 0; /* at once, when it was only late, but for a claim that could not be made */
    if (task->late && !byok_user_is_exempt(task) && !task->joined)
        byok_limit_settle(&self->requests, byok_now_us(ctx), task->requests_ticket, 1, 0);
    if (task->late && task->note.fault.code != BYOK_E_OK)
        at_us = byok_now_us(ctx) + TROUBLE_RETRY_US;
    if (ours && task->more) {
        *msg = NULL;
        call_ended(self, lane, true);
        next_part(ctx, self, task);
        return BYOK_E_OK;
    }
    bool parts = ours && !task->late && byok_bulk_parts(task);
    if (parts)
        at_us = byok_now_us(ctx);
    bool keyless = ours && !task->late && !parts && byok_user_key_refused(ctx, self, task, &at_us);
    const bool limited = byok_err_retry(task->fault.code) == BYOK_RETRY_WAIT;
    bool retry = ours && (task->late || parts || keyless || goes_on(ctx, self, task, &at_us));
    if (!ours || retry) {
        *msg = NULL;
        task->limited += retry && limited; /* also when it goes to another provider for that */
        if (retry)
            at_us = due_again(self, task, at_us);
        call_ended(self, lane, !task->joined);
        byok_bulk_leave(task);
        task->not_before_us = at_us;
        task->calling = false;
        if (!task->late && byok_ledger_can_withdraw(ctx, task))
            byok_send_task(ctx, ctx->env->ledger, BYOK_MSG_WITHDRAW, &task);
        else if (ours && !self->closed)
            wait_for_retry(ctx, self, task);
        else /* while the partition drains a retry is the next owner's */
            byok_user_leave_to_next(ctx, self, task);
        return BYOK_E_OK;
    }
    if (ours && !task->late)
        tell_vain_wait(ctx, task);
    task->status = final_status(task);
    bool own = !task->joined;
    byok_bulk_leave(task);
    enum byok_err err = byok_user_end(ctx, self, task);
    if (err != BYOK_E_OK)
        return err;
    *msg = NULL;
    call_ended(self, lane, own);
    return BYOK_E_OK;
}

/* The outcomes that will be committed after this one leave the counters, or come back. */
static void count_later(const struct byok_ctx *ctx, struct byok_user *self,
                        const struct byok_task *task, int sign)
{
    struct byok_known *line, *next;
    HASH_ITER(hh, self->known, line, next) {
        if (line == &self->anchor)
            continue;
        const struct byok_task *other = byok_user_task_of(line);
        if (other->finished > task->finished && !other->batched)
            byok_outcome_count(&self->record, other, sign, ctx->env->settings->counters_keep_days);
    }
}

/* What the state topic does not take waits in memory. */
static enum byok_err park_again(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    bool queued = task->place.due_wall_ms == 0;
    enum byok_err err = BYOK_E_TOO_LARGE;
    byok_user_parking_remove(self, task);
    task->parking = false;
    task->placed = true; /* part of the batch may be there when delivery is at least once */
    if (!byok_user_is_refused(task, BYOK_TOPIC_STATE) && !self->closed)
        err = byok_user_park(ctx, self, task, queued ? 0 : task->not_before_us);
    *msg = NULL;
    if (err == BYOK_E_OK)
        return err;
    task->unparkable = err == BYOK_E_TOO_LARGE;
    task->placed = false;
    if (self->closed)
        byok_user_drop(ctx, self, task);
    else
        byok_user_window_add(self, task);
    return BYOK_E_OK;
}

/* Its commit has failed: the outcome is written anew; done twice when it failed for memory. */
static enum byok_err on_refused(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    if (task->parking)
        return park_again(ctx, self, msg);
    if (byok_user_is_refused(task, BYOK_TOPIC_RESULTS))
        byok_outcome_too_large(task, byok_payloads_too_large(task));
    count_later(ctx, self, task, -1);
    enum byok_err err = byok_user_finish(ctx, self, task);
    count_later(ctx, self, task, 1);
    if (err == BYOK_E_OK)
        *msg = NULL;
    return err;
}

/* What came of its call is known, and its claim has gone. */
static void on_withdrawn(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    if (!self->closed && byok_partition_current(ctx->env->partitions, self->partition, self->epoch))
        wait_for_retry(ctx, self, task);
    else
        byok_user_drop(ctx, self, task);
}

static void on_committed(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    if (task->parking)
        byok_user_parked(ctx, self, task);
    else if (byok_outcome_stores_key(task))
        byok_user_new_key(ctx, self, task);
    byok_user_drop(ctx, self, task);
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct byok_user *self = state;
    enum byok_err err = BYOK_E_OK;
    if (self->loaded)
        byok_user_budget_roll(ctx, self);
    switch ((*msg)->kind) {
    case BYOK_MSG_REQUEST:
        on_request(ctx, self, msg);
        break;
    case BYOK_MSG_CLOSE:
        on_close(ctx, self);
        byok_msg_free(*msg);
        *msg = NULL;
        break;
    case BYOK_MSG_TURN:
        byok_user_turn(ctx, self, msg);
        break;
    case BYOK_MSG_DOWN:
        byok_user_turned_away(msg);
        break;
    case BYOK_MSG_DECLINED:
        ((struct byok_ready *)*msg)->away = false;
        *msg = NULL;
        break;
    case BYOK_MSG_ENDED:
        err = on_ended(ctx, self, msg);
        break;
    case BYOK_MSG_REFUSED:
        err = on_refused(ctx, self, msg);
        break;
    case BYOK_MSG_FETCHED:
        byok_user_fetched(ctx, self, msg);
        break;
    case BYOK_MSG_STORED:
        err = byok_user_stored(ctx, self, msg);
        break;
    case BYOK_MSG_WITHDRAWN:
        on_withdrawn(ctx, self, msg);
        break;
    case BYOK_MSG_COMMITTED:
        on_committed(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        break;
    default:
        assert(!"a message that a user does not know");
    }
    if (err != BYOK_E_OK)
        return err;
    go_on(ctx, self);
    return BYOK_E_OK;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    struct byok_user *self = state;
    const struct byok_user_arg *who = arg;
    assert(who->id.len <= BYOK_USER_MAX);
    self->partition = who->partition;
    self->epoch = who->epoch;
    memcpy(self->id, who->id.ptr, who->id.len);
    byok_user_record_init(&self->record);
    struct byok_known *anchor = &self->anchor;
    HASH_ADD_KEYPTR(hh, self->known, self->id, 0, anchor); /* no request id is empty */
    if (!anchor->hh.tbl) {
        self->known = NULL;
        return BYOK_E_NOMEM;
    }
    self->lanes = byok_user_lanes_new(ctx->env);
    if (!self->lanes)
        return BYOK_E_NOMEM;
    self->lane_count = ctx->env->provider_count;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_USERS, 1);
    byok_timer_set(ctx, &self->timer, byok_now_us(ctx)); /* it may have a queue and no mail */
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct byok_user *self = state;
    byok_timer_cancel(ctx, &self->timer);
    byok_records_free((struct byok_record *)self->commands.head);
    byok_records_free((struct byok_record *)self->backlog.head);
    byok_records_free((struct byok_record *)self->overflow.head);
    byok_records_free((struct byok_record *)self->wanted.head);
    DL_CONCAT(self->window, self->cancels);
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(self->window, task, next) {
        byok_user_forget(self, task);
        byok_task_free(task);
    }
    HASH_CLEAR(hh, self->known); /* the others are on their way; they are owned there */
    byok_user_record_done(&self->record);
    if (self->lanes)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_USERS, -1);
    byok_delete(self->lanes);
}

static void check(const void *state)
{
    const struct byok_user *self = state;
    assert(known_count(self) >= self->window_count + self->calls);
    assert(known_count(self) > 0 || self->record.budget_held == 0);
    assert(!self->closed || (!self->backlog.head && !self->overflow.head && !self->wanted.head &&
                             !self->window && !self->cancels));
}

const struct byok_behavior byok_actor_user = {
    .name = "user",
    .state_size = sizeof(struct byok_user),
    .init = init,
    .receive = receive,
    .done = done,
    .check = check,
};
