/* SPDX-License-Identifier: MIT */
/* actors/user_parts.h - what the parts of the user actor share.
 *
 * user.c       the actor: messages, limits, turns, retries, the end of a request
 * user_take.c  from raw records to decoded requests: state, dedupe, routing
 * user_claim.c requests that an earlier owner has claimed and not done
 */
#ifndef BYOK_ACTORS_USER_PARTS_H
#define BYOK_ACTORS_USER_PARTS_H

#include "actors/env.h"
#include "actors/limit.h"
#include "schemas/state.h"

#define FAR_US ((int64_t)10 * 365 * 86400 * 1000000) /* keeps sums of times from overflowing */

/* What the user has with one provider. */
struct byok_lane {
    struct byok_ready ready;
    int64_t blocked_until_us; /* it said: not before */
    struct byok_task *first;  /* of the window, while offers are made */
};

struct byok_user {
    int32_t partition;
    uint32_t epoch;
    char id[BYOK_USER_MAX + 1];
    bool loaded; /* record and limits are there */
    bool closed; /* the partition goes: nothing begins any more */
    bool fenced; /* a command is under way */
    struct byok_user_record record;
    struct byok_limit requests, tokens;
    struct byok_record *backlog, *backlog_last;
    struct byok_task *window; /* decoded and not under way, oldest first */
    uint32_t window_count;
    struct byok_known *known; /* all decoded ones up to their commit, by id; and `anchor` */
    struct byok_known anchor; /* keeps the table's head in this actor, whoever frees the tasks */
    uint32_t calls;          /* under way */
    uint64_t finished;       /* outcomes so far */
    struct byok_lane *lanes;      /* the i-th for the i-th provider */
    struct byok_timer timer;
    int64_t idle_from_us;
};

static inline int64_t byok_user_now_us(const struct byok_ctx *ctx)
{
    return ctx->env->clock->ops->now_us(ctx->env->clock);
}

static inline struct byok_str byok_user_id(const struct byok_user *self)
{
    return byok_str_of(self->id);
}

static inline bool byok_user_is_job(const struct byok_task *task)
{
    return task->request.type == BYOK_REQUEST_JOB;
}

static inline int64_t byok_user_or_default(int64_t own, int64_t general)
{
    return own >= 0 ? own : general;
}

static inline void byok_user_pop_backlog(struct byok_user *self)
{
    self->backlog = (struct byok_record *)self->backlog->msg.next;
    if (!self->backlog)
        self->backlog_last = NULL;
}

/** Read the user's record and set up the limits.  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_load(const struct byok_ctx *ctx, struct byok_user *self);

/** Decode records of the backlog into the window, as far as there is room and no fence.  What is no
 *  request becomes a dead letter, what was answered before is passed over.  BYOK_E_STORE,
 *  BYOK_E_NOMEM: the record is where it was; call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_user_fill(struct byok_ctx *ctx, struct byok_user *self);

/** Tell of a failed read of the local state; its code. */
enum byok_err byok_user_store_failed(const struct byok_ctx *ctx, const struct byok_user *self,
                                     const struct byok_fault *fault) BYOK_NONNULL(1, 2, 3);

/** Read the claim of a request that is not done; claim->attempt is 0 when there is none.
 *  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_user_find_claim(const struct byok_ctx *ctx, const struct byok_user *self,
                                   struct byok_task *task, struct byok_claim_record *claim);

/** The routed task takes that claim over: it waits for the claim's deadline, since the earlier
 *  owner may still finish; then it ends as unknown, or goes out again when its job says so. */
void byok_user_adopt(const struct byok_ctx *ctx, struct byok_task *task,
                     const struct byok_claim_record *claim) BYOK_NONNULL(1, 2, 3);

#endif
