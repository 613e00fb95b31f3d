/* SPDX-License-Identifier: MIT */
/* actors/publisher/apply.h - the state records of a committed batch go into the local table. */
#ifndef BYOK_ACTORS_PUBLISHER_APPLY_H
#define BYOK_ACTORS_PUBLISHER_APPLY_H

#include "actors/message.h"

struct byok_env;

/** Write what of `commit` is state, of partitions that are still the shard's, with the position
 *  that the changelog has after it; in the order of the commits, for the table is a prefix of it.
 *  BYOK_E_STORE (logged), BYOK_E_NOMEM: call it again; what was written already is written once
 *  more, to the same effect.  Thread: the shard's. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_apply_state(const struct byok_env *env, const struct byok_commit *commit);

#endif
