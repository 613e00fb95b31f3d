/* SPDX-License-Identifier: MIT */
/* actors/partition/parked.c - the shard's alarm clock: gives parked requests back to their users.
 *
 * The due index is the table itself: the keys of requests that wait for a time sort by it.  A
 * cursor per partition is all that is in memory.  Handing one out twice does no harm: its user
 * knows the id, or its marker says that it is elsewhere by now.
 */
#include "actors/partition/parked.h"

#include <assert.h>

#include "actors/queue.h"

#define PAST_HEADER "byok-past" /* in memory only: a struct byok_parked_past */
#define STEP 64                 /* requests or users at once, so that others have their turn */
#define PAUSED_US ((int64_t)100000)  /* before it looks again while memory is short */
#define NAP_MAX_US ((int64_t)30000000) /* the wall clock may have been set meanwhile */

struct parked {
    struct byok_timer timer;
};

/* ---- records ---- */

enum byok_err byok_parked_to_record(struct byok_str user, const struct byok_parked_place *place,
                                    struct byok_str value, struct byok_record **out)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_parked parked;
    enum byok_err err = byok_parked_decode(value, &arena, &parked);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_record_header headers[] = {
        {BYOK_STR(PAST_HEADER), {(const char *)&parked.past, sizeof parked.past}},
        {BYOK_STR(BYOK_HEADER_CONTENT_TYPE), parked.content_type},
        {BYOK_STR(BYOK_HEADER_TRACEPARENT), parked.traceparent},
    };
    struct byok_record *record =
        byok_record_new(user, parked.request, headers, sizeof headers / sizeof headers[0]);
    if (!record)
        return BYOK_E_NOMEM;
    record->offset = -1;
    record->timestamp_wall_ms = parked.timestamp_wall_ms;
    record->is_parked = true;
    record->place = *place;
    *out = record;
    return BYOK_E_OK;
}

bool byok_parked_past_of(const struct byok_record *record, struct byok_parked_past *out)
{
    if (!record->is_parked)
        return false;
    struct byok_str bytes = byok_record_header_of(record, PAST_HEADER);
    assert(bytes.len == sizeof *out);
    memcpy(out, bytes.ptr, sizeof *out); /* it has no alignment */
    return true;
}

void byok_parked_damaged(const struct byok_ctx *ctx, int32_t partition, struct byok_str user)
{
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "parked_job_damaged",
                   BYOK_F_INT("partition", partition), BYOK_F_STR("user", user));
}

/* ---- when to look ---- */

void byok_parked_look(struct byok_ctx *ctx)
{
    struct byok_partitions *all = ctx->env->partitions;
    struct byok_msg *msg = &all->look;
    if (all->looking)
        return;
    all->looking = true;
    byok_send(ctx, ctx->env->parked, BYOK_MSG_LOOK, &msg);
}

static bool is_before(const struct byok_parked_place *a, const struct byok_parked_place *b)
{
    return a->due_wall_ms != b->due_wall_ms ? a->due_wall_ms < b->due_wall_ms : a->order < b->order;
}

void byok_parked_added(struct byok_ctx *ctx, struct byok_partition *partition,
                       const struct byok_parked_place *place)
{
    struct byok_parked_cursor *cursor = &partition->parked;
    if (is_before(place, &cursor->from)) /* a clock that was set, or a wait that was short */
        cursor->from = *place;
    if (place->due_wall_ms < cursor->next_wall_ms)
        cursor->next_wall_ms = place->due_wall_ms;
    byok_parked_look(ctx);
}

/* ---- waking the users who have a queue ---- */

struct first {
    char user[BYOK_USER_MAX + 1]; /* empty: there is none */
};

static bool note_first(void *arg, struct byok_str key, struct byok_str value)
{
    struct first *first = arg;
    struct byok_str user;
    struct byok_parked_place place;
    (void)value;
    if (byok_parked_key_read(key, &user, &place) && place.due_wall_ms == 0 &&
        user.len <= BYOK_USER_MAX)
        memcpy(first->user, user.ptr, user.len);
    return false;
}

/* The next user with a queue, found by one step of the table each, however long the queues are. */
static enum byok_err wake_next(struct byok_ctx *ctx, struct byok_partition *partition)
{
    struct byok_parked_cursor *cursor = &partition->parked;
    struct byok_store *state = ctx->env->state;
    struct first first = {0};
    char behind[sizeof cursor->user + 3];
    size_t len = strlen(cursor->user);
    /* past all of the last one's: the separator behind its name is the least byte there is */
    behind[0] = BYOK_PARKED_QUEUE_TAG[0];
    behind[1] = '\0';
    memcpy(behind + 2, cursor->user, len);
    behind[2 + len] = '\1';
    struct byok_str after = {behind, len > 0 ? 3 + len : 2};
    enum byok_err err =
        state->ops->scan_after(state, partition->id, after, note_first, &first, NULL);
    if (err != BYOK_E_OK)
        return err;
    if (first.user[0] && !byok_partition_user_of(ctx, partition, byok_str_of(first.user)))
        return BYOK_E_NOMEM;
    cursor->woken = !first.user[0];
    memcpy(cursor->user, first.user, sizeof cursor->user);
    return BYOK_E_OK;
}

/* ---- handing out what is due ---- */

struct due {
    struct byok_ctx *ctx;
    struct byok_partition *partition;
    struct byok_queue records; /* of other users each, in order */
    int64_t now_ms;
    enum byok_err err;
};

static bool collect(void *arg, struct byok_str key, struct byok_str value)
{
    struct due *due = arg;
    struct byok_parked_cursor *cursor = &due->partition->parked;
    struct byok_str user;
    struct byok_parked_place place;
    if (!byok_parked_key_read(key, &user, &place) || place.due_wall_ms == 0) {
        cursor->next_wall_ms = INT64_MAX;
        return false;
    }
    cursor->next_wall_ms = place.due_wall_ms;
    if (place.due_wall_ms > due->now_ms || due->records.count == STEP)
        return false;
    struct byok_record *record = NULL;
    due->err = byok_parked_to_record(user, &place, value, &record);
    if (due->err == BYOK_E_BAD_MESSAGE) {
        byok_parked_damaged(due->ctx, due->partition->id, user);
        due->err = BYOK_E_OK;
    }
    if (due->err != BYOK_E_OK)
        return false;
    if (record) {
        record->partition = due->partition->id;
        record->epoch = due->partition->epoch;
        byok_queue_push(&due->records, &record->msg);
    }
    cursor->from = (struct byok_parked_place){place.due_wall_ms, place.order + 1};
    cursor->next_wall_ms = INT64_MAX;
    return true;
}

static enum byok_err scan_due(struct due *due)
{
    struct byok_store *state = due->ctx->env->state;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_parked_place from = due->partition->parked.from;
    if (from.due_wall_ms == 0) /* of a queue; no time is that early */
        from.due_wall_ms = 1;
    struct byok_str after = byok_parked_key(&arena, byok_str_of(""), &from);
    if (!after.ptr)
        return BYOK_E_NOMEM;
    due->partition->parked.next_wall_ms = INT64_MAX;
    enum byok_err err =
        state->ops->scan_after(state, due->partition->id, after, collect, due, NULL);
    return err == BYOK_E_OK ? due->err : err;
}

static enum byok_err hand_out(struct byok_ctx *ctx, struct byok_partition *partition)
{
    struct due due = {.ctx = ctx, .partition = partition, .now_ms = byok_now_wall_ms(ctx)};
    const struct byok_parked_cursor before = partition->parked;
    enum byok_err err = scan_due(&due);
    for (struct byok_msg *msg; (msg = byok_queue_pop(&due.records)) != NULL;) {
        struct byok_record *record = (struct byok_record *)msg;
        struct byok_actor *user =
            err == BYOK_E_OK ? byok_partition_user_of(ctx, partition, record->key) : NULL;
        if (!user) {
            err = err == BYOK_E_OK ? BYOK_E_NOMEM : err;
            byok_records_free(record);
            continue;
        }
        byok_record_opened(ctx->env, partition, record);
        byok_send(ctx, user, BYOK_MSG_REQUEST, &msg);
    }
    if (err != BYOK_E_OK)
        partition->parked = before; /* who got one already gets it again */
    return err;
}

/* ---- the actor ---- */

/* How long until the partition is to be looked at again, in µs; 0: at once. */
static enum byok_err look_at(struct byok_ctx *ctx, struct byok_partition *partition,
                             int64_t *nap_us)
{
    struct byok_parked_cursor *cursor = &partition->parked;
    enum byok_err err = BYOK_E_OK;
    if (partition->phase != BYOK_PHASE_RUNNING)
        return BYOK_E_OK;
    for (int i = 0; i < STEP && !cursor->woken && err == BYOK_E_OK; i++)
        err = wake_next(ctx, partition);
    if (err == BYOK_E_OK && cursor->next_wall_ms <= byok_now_wall_ms(ctx))
        err = hand_out(ctx, partition);
    if (err != BYOK_E_OK)
        return err;
    int64_t left_ms = cursor->next_wall_ms - byok_now_wall_ms(ctx);
    if (!cursor->woken || left_ms <= 0)
        *nap_us = 0;
    else if (cursor->next_wall_ms != INT64_MAX && left_ms < *nap_us / 1000)
        *nap_us = left_ms * 1000;
    return BYOK_E_OK;
}

static enum byok_err look(struct byok_ctx *ctx, struct parked *self)
{
    struct byok_partition *partition, *next;
    int64_t nap_us = NAP_MAX_US, now_us = ctx->env->clock->ops->now_us(ctx->env->clock);
    bool any = false;
    if (ctx->env->partitions->paused) {
        byok_timer_set(ctx, &self->timer, now_us + PAUSED_US);
        return BYOK_E_OK;
    }
    HASH_ITER(hh, ctx->env->partitions->table, partition, next) {
        enum byok_err err = look_at(ctx, partition, &nap_us);
        if (err != BYOK_E_OK)
            return err;
        any = any || !partition->parked.woken || partition->parked.next_wall_ms != INT64_MAX;
    }
    byok_timer_cancel(ctx, &self->timer);
    if (nap_us == 0) /* behind what others have to do */
        byok_parked_look(ctx);
    else if (any)
        byok_timer_set(ctx, &self->timer, now_us + nap_us);
    return BYOK_E_OK;
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct byok_partitions *all = ctx->env->partitions;
    bool asked = (*msg)->kind == BYOK_MSG_LOOK;
    if (asked)
        all->looking = false;
    enum byok_err err = look(ctx, state);
    if (err == BYOK_E_STORE)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    if (err == BYOK_E_OK)
        *msg = NULL;
    else if (asked) /* the message stays with the supervisor */
        all->looking = true;
    return err;
}

static void done(struct byok_ctx *ctx, void *state)
{
    byok_timer_cancel(ctx, &((struct parked *)state)->timer);
}

const struct byok_behavior byok_actor_parked = {
    .name = "parked",
    .state_size = sizeof(struct parked),
    .receive = receive,
    .done = done,
};
