/* SPDX-License-Identifier: MIT */
/* actors/user/route.h - which provider and model a request goes to. Pure. */
#ifndef BYOK_ACTORS_USER_ROUTE_H
#define BYOK_ACTORS_USER_ROUTE_H

#include "actors/env.h"
#include "schemas/state.h"

/** Set task->provider and task->model: what the request names, else what the user has chosen for
 *  the capability, else (the model only) the provider's default.  The slices borrow from the
 *  task's arena.  Of a job that names fallbacks task->legs too, and it is set to task->leg of them.
 *  `fault` says which name is missing or wrong.
 *  BYOK_E_NO_PROVIDER, BYOK_E_UNKNOWN_PROVIDER, BYOK_E_UNSUPPORTED, BYOK_E_BAD_REQUEST (no model),
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_route(const struct byok_env *env, const struct byok_user_record *user,
                         struct byok_task *task, struct byok_fault *fault);

/** Check a user.configure against the configured providers, then put it into the user's record.
 *  BYOK_E_UNKNOWN_PROVIDER: nothing was changed. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_configure(const struct byok_env *env, const struct byok_user_settings *settings,
                             struct byok_user_record *user, struct byok_fault *fault);

#endif
