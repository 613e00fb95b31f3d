/* SPDX-License-Identifier: MIT */
/* actors/user/parts.h - what the parts of the user actor share.
 *
 * user.c      the actor: messages, retries, the end of a request
 * look.c      which of those that wait may go, and which have waited too long
 * lane.c      what may go to which provider, and when
 * budget.c    what calls cost, and the budget
 * turn.c      what goes when it is the user's turn: limits, embeddings that share a call
 * take.c      from raw records to decoded requests: state, dedupe, routing
 * end.c       the outcome of a request goes to the publisher
 * cancel.c    jobs that were not sent are taken back
 * claim.c     requests that an earlier owner has claimed and not done
 * key.c       keys that their provider refuses
 * fallback.c  jobs that go to another provider
 * park.c      which records wait where; into the state and back
 * payload.c   jobs whose payloads are got, answers whose payloads are put
 */
#ifndef BYOK_ACTORS_USER_PARTS_H
#define BYOK_ACTORS_USER_PARTS_H

#include <stddef.h>

#include <utlist.h>

#include "actors/env.h"
#include "actors/limits/adaptive.h"
#include "actors/limits/breaker.h"
#include "actors/limits/budget.h"
#include "actors/limits/limit.h"
#include "actors/provider/bulk.h"
#include "actors/provider/speech.h"
#include "actors/queue.h"
#include "actors/user/budget.h"
#include "schemas/state.h"

#define FAR_US ((int64_t)10 * 365 * 86400 * 1000000) /* keeps sums of times from overflowing */

/* What the user has with one provider. */
struct byok_lane {
    struct byok_ready ready;
    int64_t down_until_us;    /* the provider's breaker is open */
    struct byok_breaker breaker;
    struct byok_tally tally[2];
    struct byok_adaptive room; /* calls at once that the key is found to take */
    int64_t calls;             /* under way */
    struct byok_task *first; /* of the window, that waits for nothing, as of the last look */
    bool moved; /* it has left since, and `first` is the one that was behind it */
    int64_t deadline_order; /* a place in the window whose job has a deadline, as of the last look;
                             * -1: none is known */
};

/* The user's queue in the state. */
struct byok_user_queue {
    bool more; /* there may be some that are not in memory */
    int64_t after; /* order that all those are above; -1: any */
    struct byok_task *parking; /* on their way there, by order */
    uint32_t parking_count;
};

struct byok_user {
    int32_t partition;
    uint32_t epoch;
    char id[BYOK_USER_MAX + 1];
    bool loaded; /* record and limits are there */
    bool closed; /* the partition goes: nothing begins any more */
    bool fenced; /* a command is under way */
    bool storing; /* it changes keys, which the vault learns when it is committed: no job begins */
    struct byok_user_record record;
    struct byok_limit requests, tokens;
    struct byok_budget budget;
    int64_t budget_need; /* of the first job that left memory for want of budget; 0: none did */
    int64_t budget_need_order; /* its place */
    /* raw records, oldest first */
    struct byok_queue commands; /* overtake jobs: a cancel or a new limit does not wait for them */
    struct byok_queue backlog;
    size_t backlog_bytes;
    struct byok_queue overflow; /* to be parked */
    struct byok_queue wanted; /* to be cancelled */
    struct byok_user_queue queue;
    struct byok_task *window; /* decoded and not under way, oldest first */
    uint32_t window_count;
    uint32_t bulk_count; /* of them, those that may share calls */
    uint32_t payload_count; /* of them, those that refer to payloads */
    struct byok_task *unseen; /* of them, the first that came since the last look */
    int64_t look_us; /* when the next look is over all of them */
    bool stale; /* it is the very next one */
    size_t lane_count;
    uint32_t passed; /* messages since all was looked over */
    struct byok_task *cancels; /* that have not found out yet what becomes of their jobs */
    struct byok_known *known; /* all decoded ones up to their commit, by id; and `anchor` */
    struct byok_known anchor; /* keeps the table's head in this actor, whoever frees the tasks */
    uint32_t calls; /* under way */
    uint32_t fetching; /* jobs whose payloads are being got; not in the window */
    uint64_t finished; /* outcomes so far */
    struct byok_lane *lanes; /* the i-th for the i-th provider */
    struct byok_timer timer;
    int64_t idle_from_us;
};

static inline struct byok_str byok_user_id(const struct byok_user *self)
{
    return byok_str_of(self->id);
}

static inline bool byok_user_is_job(const struct byok_task *task)
{
    return task->request.type == BYOK_REQUEST_JOB;
}

/** Whether what comes behind it waits until it is committed. */
static inline bool byok_user_fences(const struct byok_task *task)
{
    return !byok_user_is_job(task) && task->request.type != BYOK_REQUEST_JOB_CANCEL;
}

/** Whose line of the table of ids it is; not the anchor. */
static inline struct byok_task *byok_user_task_of(struct byok_known *line)
{
    return (struct byok_task *)(void *)((char *)line - offsetof(struct byok_task, known));
}

static inline int64_t byok_user_or_default(int64_t own, int64_t general)
{
    return own >= 0 ? own : general;
}

static inline void byok_user_forget(struct byok_user *self, struct byok_task *task)
{
    if (task->listed)
        HASH_DEL(self->known, &task->known);
    task->listed = false;
}

/** Of two moments, in us. */
static inline int64_t byok_user_earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** The same: the later one. */
static inline int64_t byok_user_latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** Limits and breakers are for calls that cost. */
static inline bool byok_user_is_exempt(const struct byok_task *task)
{
    return !byok_user_is_job(task);
}

static inline void byok_user_window_count(struct byok_user *self, const struct byok_task *task,
                                          uint32_t change)
{
    self->window_count += change;
    self->bulk_count += task->bulk_texts > 0 ? change : 0;
    self->payload_count += task->inputs.count > 0 ? change : 0;
}

/** Its place among the user's records: the offset that it came at, whatever happened to it since. */
static inline int64_t byok_user_order(const struct byok_record *record)
{
    return record->is_parked ? record->place.order : record->offset;
}

/** At its place by the order of arrival, which nearly always is the last one: whether it is. */
static inline bool byok_user_window_put(struct byok_user *self, struct byok_task *task)
{
    struct byok_task *first = self->window, *before = first ? first->prev : NULL, *last = before;
    const int64_t order = byok_user_order(task->record);
    while (before && byok_user_order(before->record) > order)
        before = before == first ? NULL : before->prev;
    DL_APPEND_ELEM(self->window, before, task);
    byok_user_window_count(self, task, 1);
    return before == last;
}

static inline void byok_user_window_add(struct byok_user *self, struct byok_task *task)
{
    if (!byok_user_window_put(self, task))
        self->stale = true;
    else if (!self->unseen)
        self->unseen = task;
}

/** The same of one that was there before: not a new one for the look that has put it back. */
static inline void byok_user_window_return(struct byok_user *self, struct byok_task *task)
{
    (void)byok_user_window_put(self, task);
    self->stale = true;
}

static inline void byok_user_window_remove(struct byok_user *self, struct byok_task *task)
{
    if (self->unseen == task)
        self->unseen = task->next;
    for (size_t i = 0; i < self->lane_count; i++) {
        struct byok_lane *lane = &self->lanes[i];
        lane->moved = lane->moved || lane->first == task;
        lane->first = lane->first == task ? task->next : lane->first;
    }
    self->stale = self->stale || byok_user_is_exempt(task); /* it went before others */
    DL_DELETE(self->window, task);
    byok_user_window_count(self, task, UINT32_MAX); /* 1 less */
}

/** How many more jobs may be decoded.  Embeddings that can share a call do not fill the window:
 *  with only a few of them there would be no full calls. */
static inline uint32_t byok_user_room(const struct byok_ctx *ctx, const struct byok_user *self)
{
    uint32_t others = self->window_count - self->bulk_count;
    uint32_t window = ctx->env->settings->window;
    return others >= window || self->bulk_count >= BYOK_BULK_MAX ? 0 : window - others;
}

/** The lane of a task that has a provider. */
static inline struct byok_lane *byok_user_lane(const struct byok_ctx *ctx,
                                               const struct byok_user *self,
                                               const struct byok_task *task)
{
    return &self->lanes[task->provider - ctx->env->providers];
}

/** Calls that the user may have under way. */
int64_t byok_user_concurrency(const struct byok_ctx *ctx, const struct byok_user *self)
    BYOK_NONNULL(1, 2);

/** When the user's limits let the task go: now or before, or a later time. */
int64_t byok_user_allowed_at(const struct byok_ctx *ctx, const struct byok_user *self,
                             struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** When its limits and all that is known of its lane let the task go: now or before, or a later
 *  time; INT64_MAX: not before a call has ended. */
int64_t byok_user_goes_at(const struct byok_ctx *ctx, const struct byok_user *self,
                          struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** Before when the task does not go by itself: a retry, its not_before, or others of its kind that
 *  it waits for. */
int64_t byok_user_due(const struct byok_ctx *ctx, const struct byok_user *self,
                      const struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** The same, and not before its key's limit lets it go.  Until then those of other keys pass it. */
int64_t byok_user_due_at(const struct byok_ctx *ctx, const struct byok_user *self,
                         const struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** It is the user's turn at a provider: send what may go, or decline. */
void byok_user_turn(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
    BYOK_NONNULL(1, 2, 3);

/** Monotonic time from which a request that waits since `taken_us` is parked. */
static inline int64_t byok_user_parks_at(const struct byok_ctx *ctx, int64_t taken_us)
{
    int64_t after_us = ctx->env->settings->park_after_us;
    return after_us > 0 ? taken_us + after_us : INT64_MAX;
}

/** A lane per provider (byok_new). NULL: no memory. */
struct byok_lane *byok_user_lanes_new(const struct byok_env *env) BYOK_NONNULL(1) BYOK_MUST_USE;

/** Whether nothing holds the user's jobs up but limits and times of their own, so that those that
 *  were looked at are as they were. */
bool byok_user_is_calm(const struct byok_ctx *ctx, const struct byok_user *self, int64_t now)
    BYOK_NONNULL(1, 2);

/** Find the oldest job of each lane that waits for no retry (lane->first), end what is past its
 *  deadline or wrong, park what has waited long; self->look_us: when to look again.  BYOK_E_NOMEM:
 *  call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_look(struct byok_ctx *ctx, struct byok_user *self, int64_t now);

/** A task of the window that waits for no time stands for its lane, if it is the first; commands go
 *  before jobs.  A job that only its provider's failures hold up has its deadline from now on. */
void byok_user_stand(const struct byok_ctx *ctx, const struct byok_user *self,
                     struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** Its fault, when its deadline has passed in the window. */
void byok_user_too_late(const struct byok_ctx *ctx, const struct byok_user *self,
                        struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** When the breakers of the lane let a job go; INT64_MAX: when a call has ended. */
int64_t byok_user_up_at(const struct byok_lane *lane, int64_t now) BYOK_NONNULL(1);

/** Attempts that count for the retries: all but of fallbacks that were passed over. */
uint32_t byok_user_attempts(const struct byok_task *task) BYOK_NONNULL(1);

/** An attempt has failed.  True: the job goes to another of its legs now, to which it is set, and
 *  its fault is gone.  `last`: it would end otherwise. */
bool byok_user_falls_back(const struct byok_ctx *ctx, struct byok_user *self,
                          struct byok_task *task, bool last) BYOK_NONNULL(1, 2, 3);

/** A job of the window that is due while its provider is away is set to another leg that is not;
 *  `*wake_us` is not later than when one of them is there again. */
void byok_user_avoid(const struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                     int64_t now, int64_t *wake_us) BYOK_NONNULL(1, 2, 3, 5);

/** Set a routed job to a leg that it was at before, as its claim says. */
void byok_user_set_leg(const struct byok_ctx *ctx, struct byok_task *task, int64_t leg)
    BYOK_NONNULL(1, 2);

/** Ask for a turn for each lane whose first may go; `*wake_us` is not later than when another
 *  may. */
void byok_user_offer(struct byok_ctx *ctx, struct byok_user *self, int64_t now, int64_t *wake_us)
    BYOK_NONNULL(1, 2, 4);

/** A DOWN. */
void byok_user_turned_away(struct byok_msg **msg) BYOK_NONNULL(1);

/** A key.register (or key.rotate) is committed: what the old key was found to take says nothing of
 *  the new one. */
void byok_user_new_key(const struct byok_ctx *ctx, struct byok_user *self,
                       const struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** What a call that has ended says of its provider and key; the second time for it does nothing. */
void byok_user_learn(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
    BYOK_NONNULL(1, 2, 3);

/** Read the user's record and set up the limits.  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_load(struct byok_ctx *ctx, struct byok_user *self);

/** A raw record takes its place: before the jobs (a command), in memory, or to be parked. Takes
 *  it. */
void byok_user_line_up(const struct byok_ctx *ctx, struct byok_user *self,
                       struct byok_record **record) BYOK_NONNULL(1, 2, 3);

/** All records in memory that are not decoded are to be parked. */
void byok_user_spill(struct byok_ctx *ctx, struct byok_user *self) BYOK_NONNULL(1, 2);

/** Whether byok_user_refill may find something now. */
bool byok_user_may_refill(const struct byok_ctx *ctx, const struct byok_user *self)
    BYOK_NONNULL(1, 2);

/** Whether there is a backlog, and its first came before all that are on their way into the
 *  state. */
bool byok_user_may_take(const struct byok_user *self) BYOK_NONNULL(1);

/** Take requests of the user's queue in the state up, in front of the backlog: those that came
 *  before it and before all that are on their way there, as many as the window has room for.
 *  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_refill(struct byok_ctx *ctx, struct byok_user *self);

/** Whether there is anything of the user's queue in the state, for a user that begins. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_find_queue(const struct byok_ctx *ctx, struct byok_user *self);

/** Whether the state may say of it that it waits: not while a claim says that it may have been
 *  sent, nor when there were attempts that this task cannot tell of. */
static inline bool byok_user_can_park(const struct byok_task *task)
{
    return byok_user_is_job(task) && !task->claimed && task->attempts_before == 0 &&
           !byok_speech_holds(task);
}

/** Send a known job that is not in the window to the publisher, to wait in the state until
 *  `at_us` (monotonic; 0: until there is room); it comes back COMMITTED or REFUSED with
 *  task->parking.  BYOK_E_NOMEM: nothing happened.  BYOK_E_TOO_LARGE: it cannot be parked. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_user_park(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                             int64_t at_us);

/** Park a job of the window when it has waited long, so that it holds its offset no longer.  False:
 *  it is in the window still; `*wake_us` is not later than when to try (again). */
bool byok_user_park_old(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                        int64_t *wake_us) BYOK_NONNULL(1, 2, 3, 4);

/** Drop all raw records: they are the next owner's. */
void byok_user_drop_raw(struct byok_ctx *ctx, struct byok_user *self) BYOK_NONNULL(1, 2);

/** Whether the broker can never take a record of the task for that topic. */
bool byok_user_is_refused(const struct byok_task *task, enum byok_topic topic) BYOK_NONNULL(1);

/** When the oldest raw record is to be parked; INT64_MAX: there is none. */
int64_t byok_user_parks_backlog_at(const struct byok_ctx *ctx, const struct byok_user *self)
    BYOK_NONNULL(1, 2);

/** Such a task is in the state now; the caller ends it. */
void byok_user_parked(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
    BYOK_NONNULL(1, 2, 3);

/** Such a task is on its way into the state no longer. */
void byok_user_parking_remove(struct byok_user *self, struct byok_task *task) BYOK_NONNULL(1, 2);

/** Decode records into the window, as far as there is room and no fence, and park what is to be
 *  parked.  What is no request becomes a dead letter, what was answered before is passed over.
 *  BYOK_E_STORE, BYOK_E_NOMEM: the record is where it was; call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_fill(struct byok_ctx *ctx, struct byok_user *self);

/** The same for the wanted ones, whatever room there is; they are not parked. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_take_wanted(struct byok_ctx *ctx, struct byok_user *self);

/** Let the cancels find their jobs.  Those whose job is on its way stay; it brings its user back
 *  here.  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_cancel(struct byok_ctx *ctx, struct byok_user *self);

/** What the limits are owed goes into the user's record. */
void byok_user_save_debts(const struct byok_ctx *ctx, struct byok_user *self) BYOK_NONNULL(1, 2);

/** Write and send off what the task, whose status is set, publishes.  BYOK_E_NOMEM: it is unchanged
 *  and still the caller's. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_user_finish(struct byok_ctx *ctx, struct byok_user *self,
                               struct byok_task *task);

/** The same for a task that waited, with what its fault says. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_user_finish_waiting(struct byok_ctx *ctx, struct byok_user *self,
                                       struct byok_task *task);

/** The same for two that are committed in one batch, in this order. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_user_finish_both(struct byok_ctx *ctx, struct byok_user *self,
                                    struct byok_task *first, struct byok_task *second);

/** Whether byok_user_fill would decode more now. */
bool byok_user_may_fill(const struct byok_ctx *ctx, const struct byok_user *self)
    BYOK_NONNULL(1, 2);

/** Tell of a failed read of the local state; its code. */
enum byok_err byok_user_store_failed(const struct byok_ctx *ctx, const struct byok_user *self,
                                     const struct byok_fault *fault) BYOK_NONNULL(1, 2, 3);

/** Until when (monotonic) jobs with the task's key wait, because its provider refuses it, or
 *  (`limits`) has said that nothing is let through; 0: not. */
int64_t byok_user_key_due(const struct byok_user *self, const struct byok_task *task, bool limits)
    BYOK_NONNULL(1, 2);

/** Whether the key that the task was called with is the one that its user has now; true, if nothing
 *  is known of it. */
bool byok_user_key_is_current(const struct byok_user *self, const struct byok_task *task)
    BYOK_NONNULL(1, 2);

/** Nothing of the task's key goes out before; not heeded of a key that was replaced meanwhile.
 *  False: of this key nothing can be noted, or the task is no job. */
bool byok_user_key_limit(const struct byok_user *self, const struct byok_task *task,
                         int64_t until_us) BYOK_NONNULL(1, 2);

/** Whether the job fails for that (keys.on_invalid): then its fault says so. */
bool byok_user_key_fails(const struct byok_ctx *ctx, const struct byok_user *self,
                         struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** The job goes out; when its key is refused, it is the one that finds out whether it still is. */
void byok_user_key_begins(const struct byok_ctx *ctx, const struct byok_user *self,
                          const struct byok_task *task, int64_t now) BYOK_NONNULL(1, 2, 3);

/** An attempt has ended.  When the key did not go out with it, it was no try of a refused key: the
 *  next job need not wait for its time.  May be called twice. */
void byok_user_key_unsent(const struct byok_ctx *ctx, const struct byok_user *self,
                          const struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** An attempt has ended.  True: the provider refused the key, or let nothing more through with one
 *  that was replaced meanwhile, and the job waits until `*at_us` (and byok_user_key_due) instead of
 *  failing.  `*at_us` is set in any case. */
bool byok_user_key_refused(const struct byok_ctx *ctx, struct byok_user *self,
                           struct byok_task *task, int64_t *at_us) BYOK_NONNULL(1, 2, 3, 4);

/** Read the claim of a request that is not done; claim->attempt is 0 when there is none.
 *  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_user_find_claim(const struct byok_ctx *ctx, const struct byok_user *self,
                                   struct byok_task *task, struct byok_claim_record *claim);

/** The routed task takes that claim over: it waits for the claim's deadline, since the earlier
 *  owner may still finish; then it ends as unknown, or goes out again when its job says so. */
void byok_user_adopt(const struct byok_ctx *ctx, struct byok_task *task,
                     const struct byok_claim_record *claim) BYOK_NONNULL(1, 2, 3);

/** byok_user_finish for the outcome of a call: what is large of it goes to the payload store
 *  before. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_user_end(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task);

/** Forget the task: it was not begun, or its result may not be published; the partition's next
 *  owner takes it. */
void byok_user_drop(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
    BYOK_NONNULL(1, 2, 3);

/** Drop the task, but take its claim back when what came of its calls is known. */
void byok_user_leave_to_next(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
    BYOK_NONNULL(1, 2, 3);

/** Have the payloads of the next jobs of the window got, a few ahead.  False: not all that could
 *  be, for memory is short.  Those of one that waits for its time are got then: it wakes the user. */
bool byok_user_fetch(struct byok_ctx *ctx, struct byok_user *self, int64_t now_us, int64_t *wake_us)
    BYOK_NONNULL(1, 2, 4);

/** Messages FETCHED and STORED.  BYOK_E_NOMEM: to be delivered again. */
void byok_user_fetched(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
    BYOK_NONNULL(1, 2, 3);
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_user_stored(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg);

#endif
