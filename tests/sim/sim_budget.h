/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_budget.h - what the provider would bill, beside what users may spend in a day.
 *
 * A token costs one unit; what is not known of a chat costs what its job allows.  So what a call
 * costs is never above its estimate, and a user's calls are never above the user's budget.
 */
#ifndef BYOK_TESTS_SIM_BUDGET_H
#define BYOK_TESTS_SIM_BUDGET_H

#include <stdint.h>

#include "tests/sim/sim_http.h"

struct sim_user;

/** Such a table of prices, and a wall clock that shows midnight in so many ms; before workers. */
void sim_budget_prices(struct sim_world *world, int64_t midnight_ms);

/** A worker's clock has jumped: its day is one that budgets may begin anew in. */
void sim_budget_jumped(struct sim_world *world, const struct sim_worker *worker);

/** At rest: nobody was above the budget on any day, as long as it stood, and what the user's record
 *  says was spent is not less than what is known to have been. */
void sim_budget_check(struct sim_world *world, const struct sim_user *user);

#endif
