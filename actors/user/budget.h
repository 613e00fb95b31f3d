/* SPDX-License-Identifier: MIT */
/* actors/user/budget.h - what a user's calls cost, and the budget that they must not pass.
 * Thread: the shard's.
 */
#ifndef BYOK_ACTORS_USER_BUDGET_H
#define BYOK_ACTORS_USER_BUDGET_H

#include "actors/env.h"
#include "actors/message.h"

#define BYOK_BUDGET_UNKNOWN INT64_MAX /* an estimate: there is no price */

struct byok_user;
struct byok_user_record;

/** The user's own budget, or the worker's; after the record has changed. */
void byok_user_budget_set(const struct byok_ctx *ctx, struct byok_user *self) BYOK_NONNULL(1, 2);

/** Periods that are over end: at every message, so that what a call costs that ends in the next one
 *  is not forgotten with this one. */
void byok_user_budget_roll(const struct byok_ctx *ctx, struct byok_user *self) BYOK_NONNULL(1, 2);

/** Whether the budget has room for the call of a routed task. */
bool byok_user_budget_lets(const struct byok_ctx *ctx, const struct byok_user *self,
                           struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** When to look again whether it has, unless a call ends before: the next period begins then, or
 *  the wall clock is looked at. */
int64_t byok_user_budget_at(const struct byok_ctx *ctx, const struct byok_user *self, int64_t now)
    BYOK_NONNULL(1, 2);

/** Whether a call of the task could never go, there: BYOK_E_CONFIG: its price is not known;
 *  BYOK_E_OVER_BUDGET: it costs more than all of the budget.  Else whether it could go now. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 6)
enum byok_err byok_user_budget_trouble(const struct byok_ctx *ctx, const struct byok_user *self,
                                       const struct byok_task *task,
                                       const struct byok_provider *provider, struct byok_str model,
                                       bool *has_room);

/** The same where it goes to; then its fault says so. */
bool byok_user_budget_fails(const struct byok_ctx *ctx, const struct byok_user *self,
                            struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** A task of the user's queue in the state leaves memory since the budget has no room for it. */
void byok_user_budget_leaves(const struct byok_ctx *ctx, struct byok_user *self,
                             struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** Whether none of them needs to be taken up: there is no room for the first one still. */
bool byok_user_budget_bars(const struct byok_user *self) BYOK_NONNULL(1);

/** A call of the task begins: its estimate is held. */
void byok_user_budget_hold(const struct byok_ctx *ctx, struct byok_user *self,
                           struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** It has ended, and was made or was not; the second time for it does nothing. */
void byok_user_budget_settle(const struct byok_ctx *ctx, struct byok_user *self,
                             struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** An earlier owner's call of the task has an unknown outcome. */
void byok_user_budget_unclear(const struct byok_ctx *ctx, struct byok_user *self,
                              struct byok_task *task) BYOK_NONNULL(1, 2, 3);

/** The outcome of a task is about to be counted. */
void byok_budget_begins(const struct byok_user_record *user, struct byok_task *task)
    BYOK_NONNULL(1, 2);

/** What its calls have cost is spent (sign 1), or is held again (-1). */
void byok_budget_count(struct byok_user_record *user, const struct byok_task *task, int sign)
    BYOK_NONNULL(1, 2);

/** It is parked: what its calls have cost so far is spent, for the task does not carry it. */
void byok_user_budget_park(struct byok_user *self, struct byok_task *task) BYOK_NONNULL(1, 2);

/** It is forgotten. */
void byok_user_budget_drop(struct byok_user *self, struct byok_task *task) BYOK_NONNULL(1, 2);

#endif
