/* SPDX-License-Identifier: MIT */
/* schemas/state_parts.h - what state.c calls of state_keys.c. */
#ifndef BYOK_SCHEMAS_STATE_PARTS_H
#define BYOK_SCHEMAS_STATE_PARTS_H

#include "schemas/state.h"
#include "schemas/value.h"

/** The list of a user's keys on the wire. */
struct byok_value byok_user_keys_value(struct byok_arena *arena,
                                       const struct byok_user_record *record) BYOK_NONNULL(1, 2);

/** And back; `list` NULL: an older record without one.  BYOK_E_BAD_MESSAGE, BYOK_E_NOMEM. */
BYOK_MUST_USE enum byok_err byok_user_keys_read(const struct byok_value *list,
                                                struct byok_user_record *out) BYOK_NONNULL(2);

#endif
