/* SPDX-License-Identifier: MIT */
/* schemas/codec_parts.h - the two formats behind schemas/codec.h; only the codec's files use it. */
#ifndef BYOK_SCHEMAS_CODEC_PARTS_H
#define BYOK_SCHEMAS_CODEC_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/value.h"

/* Results carry a request's metadata and a provider's own answer one level further in than they
 * were decoded; past this an own builder has gone wrong. */
#define BYOK_ENCODE_NEST_MAX (2 * BYOK_NEST_MAX)

/* As byok_decode, but out->type is only set when BYOK_OK is returned, and the arena's failure is
 * left to the caller. */
BYOK_MUST_USE BYOK_NONNULL(1, 3) enum byok_err byok_json_decode(struct byok_arena *arena, struct byok_str bytes,
                                                  struct byok_value *out, struct byok_fault *fault);
BYOK_MUST_USE BYOK_NONNULL(1, 3) enum byok_err byok_msgpack_decode(struct byok_arena *arena,
                                                     struct byok_str bytes, struct byok_value *out,
                                                     struct byok_fault *fault);

BYOK_MUST_USE BYOK_NONNULL(1, 2) enum byok_err byok_json_encode(const struct byok_value *value,
                                                  struct byok_buf *out);
BYOK_MUST_USE BYOK_NONNULL(1, 2) enum byok_err byok_msgpack_encode(const struct byok_value *value,
                                                     struct byok_buf *out);

/** The name of a member that another one has too, or NULL. In O(n log n), because the sender
 *  chooses n. Without memory for it the arena is failed and the answer is NULL. */
const struct byok_str *byok_duplicate_name(struct byok_arena *arena,
                                           const struct byok_member *members, uint32_t count)
    BYOK_NONNULL(1);

#endif
