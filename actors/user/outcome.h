/* SPDX-License-Identifier: MIT */
/* actors/user/outcome.h - what a finished request publishes: its result, usage, and changes of
 * state.
 *
 * All of it is written into the task (task->outs), so that it is committed together or not at all.
 */
#ifndef BYOK_ACTORS_USER_OUTCOME_H
#define BYOK_ACTORS_USER_OUTCOME_H

#include "actors/env.h"
#include "schemas/state.h"

/** Write the outs of a task whose status, answer and fault are set, and count its usage into the
 *  user's record (once, however often this is called).
 *
 * An answer that does not fit becomes a too_large error.  BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_outcome_write(const struct byok_env *env, struct byok_user_record *user,
                                 struct byok_task *task);

/** A change of a record of the state, to be published with the task; `value` NULL: its tombstone.
 *  The value is copied.  BYOK_E_NOMEM; BYOK_E_TOO_LARGE: past the job's memory. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_outcome_state(struct byok_task *task, struct byok_str key,
                                 const struct byok_buf *value);

/** The user's own record as such a change. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_outcome_user(const struct byok_env *env, const struct byok_user_record *user,
                                struct byok_task *task);

/** The task leaves its provider after a call: its key's use is noted in the user's record; without
 *  memory for that it is not. */
void byok_outcome_key_used(struct byok_user_record *user, const struct byok_task *task,
                           int64_t wall_ms) BYOK_NONNULL(1, 2);

/** Whether the ended task brings a key to be stored. */
bool byok_outcome_stores_key(const struct byok_task *task) BYOK_NONNULL(1);

/** Turn a finished task into a too_large error; what was used stays counted, since the provider has
 *  been paid for the answer that does not fit.  `why` is for people. */
void byok_outcome_too_large(struct byok_task *task, const char *why) BYOK_NONNULL(1, 2);

/** Take the usage of a task that is counted out of the user's counters (`sign` -1), or put it back
 *  (1).  A record that is committed before that task's result must not hold it: if the partition
 *  is lost in between, the next owner counts it once more. */
void byok_outcome_count(struct byok_user_record *user, const struct byok_task *task, int sign,
                        int keep_days) BYOK_NONNULL(1, 2);

#endif
