/* SPDX-License-Identifier: MIT */
/* schemas/state_parts.h - what state.c and state_keys.c share. */
#ifndef BYOK_SCHEMAS_STATE_PARTS_H
#define BYOK_SCHEMAS_STATE_PARTS_H

#include "schemas/state.h"
#include "schemas/value.h"

/** Into a NUL-terminated field of `size` bytes, cut to fit. */
void byok_state_set_field(char *field, size_t size, struct byok_str text) BYOK_NONNULL(1);

/** The list of a user's keys on the wire. */
struct byok_value byok_user_keys_value(struct byok_arena *arena,
                                       const struct byok_user_record *record) BYOK_NONNULL(1, 2);

/** And back; `list` NULL: an older record without one.  BYOK_E_BAD_MESSAGE, BYOK_E_NOMEM. */
BYOK_MUST_USE enum byok_err byok_user_keys_read(const struct byok_value *list,
                                                struct byok_user_record *out) BYOK_NONNULL(2);

#endif
