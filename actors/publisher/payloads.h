/* SPDX-License-Identifier: MIT */
/* actors/publisher/payloads.h - large content by reference: a job's is got before it may be called,
 * an answer's
 * is put before its result is committed.
 *
 * user -> payloads: FETCH, STORE; back: FETCHED, STORED.  Failures that may pass are tried again
 * here.  A result that names an object is published after the object is durable, so a reader who
 * sees the result finds it; an object without a result (a crash between) is harmless, and aged out.
 */
#ifndef BYOK_ACTORS_PUBLISHER_PAYLOADS_H
#define BYOK_ACTORS_PUBLISHER_PAYLOADS_H

#include "actors/env.h"

/** List the references of a job in task->inputs and check them: of its user, of a size that may be.
 *  BYOK_E_BAD_REQUEST, BYOK_E_TOO_LARGE, BYOK_E_CONFIG (there is no store): the fault says why;
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_payloads_find(const struct byok_env *env, struct byok_task *task,
                                 struct byok_fault *fault);

/** Whether content that the job refers to is still to be got. */
static inline bool byok_payloads_missing(const struct byok_task *task)
{
    return task->inputs.done < task->inputs.count;
}

/** Whether all that the job refers to is in memory. */
static inline bool byok_payloads_loaded(const struct byok_task *task)
{
    return task->inputs.count > 0 && !byok_payloads_missing(task);
}

/** List in task->outputs what of the answer goes to the store, once; `*any`: there is something.
 *  The bytes of a result stay in it while they are together not above the limit.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_payloads_take_out(const struct byok_env *env, struct byok_task *task, bool *any);

/** Why a result that the topic does not take is too large; static. */
const char *byok_payloads_too_large(const struct byok_task *task) BYOK_NONNULL(1);

#endif
