/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_limits.h - what a key's limit (sim_rate.h) may hold up: that key's jobs, in their
 * order, and nothing else.
 *
 * How long things take depends on all that goes wrong, so some of it is looked at in runs only where
 * nothing does (world->is_calm).
 */
#ifndef BYOK_TESTS_SIM_SIM_LIMITS_H
#define BYOK_TESTS_SIM_SIM_LIMITS_H

#include "schemas/value.h"

struct sim_entry;
struct sim_request;
struct sim_world;

/** The answer has reached the worker: the job is above its key's limit for so long. */
void sim_limits_refused(struct sim_world *world, const struct sim_entry *entry, int64_t wait_us);
/** A call begins.
 *
 * - One with a key that has just taken another's place is made soon, if a job waited for the limit
 *   of the other one (a calm run); so is that of the registration itself, whatever limit is known.
 * - No job of SIM_LINE passes one that was refused before and came before it, in the same assignment. */
void sim_limits_watch(struct sim_world *world, const struct sim_entry *entry);
/** A result can be seen.
 *
 * Of a registration: its key has taken the place of others.  Of a job: it was not given up before
 * it had failed as often as it may; refusals by a limit do not count. */
void sim_limits_result(struct sim_world *world, const struct sim_request *request,
                       const struct byok_value *root);

/** Whether an error's code is of those for which a provider is to blame, and its answer known. */
bool sim_is_providers_failure(struct byok_str code);

#endif
