/* SPDX-License-Identifier: MIT */
/* actors/limits/budget.h - what a user's calls may cost in a day or a month.
 *
 * A period is a calendar day or month of UTC, by the wall clock.  What was spent counts from the
 * beginning of one; it begins anew when the clock shows a later one, never when it shows an earlier
 * one, so a clock that jumps back gives no budget twice.
 * Money is whole parts of a currency (BYOK_MONEY_UNIT): sums are exact.
 * Pure: time comes as an argument.
 */
#ifndef BYOK_ACTORS_LIMITS_BUDGET_H
#define BYOK_ACTORS_LIMITS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "schemas/state.h"

struct byok_budget {
    int64_t amount; /* parts of BYOK_MONEY_UNIT; 0: no limit */
    enum byok_budget_period period;
};

/** When the period of a wall time (in ms since 1970, from 0 on) began. */
int64_t byok_budget_begin(enum byok_budget_period period, int64_t wall_ms);

/** When the one after it begins. */
int64_t byok_budget_next(enum byok_budget_period period, int64_t wall_ms);

/** What was spent in periods that are over by that wall time is forgotten.  `spent`: of each period. */
void byok_budget_roll(struct byok_spending *spent, int64_t wall_ms) BYOK_NONNULL(1);

/** A clock that was ahead may have made a period begin that is still to come, and it would last
 *  until then: it began with the one of that wall time.  Nothing that was spent is forgotten. */
void byok_budget_recall(struct byok_spending *spent, int64_t wall_ms);

/** Whether a call of that cost may leave, when so much was spent in the period and so much is held
 *  for calls under way. */
bool byok_budget_fits(const struct byok_budget *budget, int64_t spent, int64_t held, int64_t cost)
    BYOK_NONNULL(1);

/** Add to a sum (or take from it), which stays from 0 to INT64_MAX / 2. */
void byok_budget_add(int64_t *sum, int64_t amount) BYOK_NONNULL(1);

#endif
