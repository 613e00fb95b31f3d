/* SPDX-License-Identifier: MIT */
/* schemas/codec.h - bytes to a value tree and back, in JSON (yyjson) or msgpack (msgpack-c).
 *
 * Pure; any thread.  Decoding is safe on hostile bytes: depth is at most BYOK_NEST_MAX, a claimed
 * length is believed only as far as there are bytes for it, text must be UTF-8, map keys must be
 * strings, and the arena's cap bounds the memory.  Duplicate member names: BAD_MESSAGE.
 */
#ifndef BYOK_SCHEMAS_CODEC_H
#define BYOK_SCHEMAS_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/value.h"

enum byok_format { BYOK_JSON, BYOK_MSGPACK };

/** The format of a record: by its content-type header's value (parameters such as charset are
 *  ignored); with an empty one by the first byte.  False: neither. */
bool byok_format_of(struct byok_str content_type, struct byok_str bytes, enum byok_format *out)
    BYOK_MUST_USE BYOK_NONNULL(3);

/** "application/json" or "application/msgpack". */
const char *byok_format_content_type(enum byok_format format);

/** Read one whole message.  The tree borrows from `arena` only (bytes are copied where needed).
 *
 * BYOK_E_BAD_MESSAGE  not that format, or against the rules above; `fault` says where
 * BYOK_E_NOMEM        no memory, or the arena's cap
 * `fault` may be NULL.
 */
BYOK_MUST_USE BYOK_NONNULL(1, 4)
enum byok_err byok_decode(struct byok_arena *arena, enum byok_format format, struct byok_str bytes,
                          struct byok_value *out, struct byok_fault *fault);

/** Append the tree to `out`.  JSON: BYTES as standard base64 with padding, NaN and infinities as
 *  null; msgpack: shortest forms.  BYOK_E_NOMEM / BYOK_E_TOO_LARGE when the buffer failed. */
BYOK_MUST_USE BYOK_NONNULL(2, 3)
enum byok_err byok_encode(enum byok_format format, const struct byok_value *value,
                          struct byok_buf *out);

/** Standard base64 (RFC 4648) with or without padding, no white space; false: not base64. */
bool byok_base64_decode(struct byok_arena *arena, struct byok_str text, struct byok_str *out)
    BYOK_MUST_USE BYOK_NONNULL(1, 3);

/** Base64 with padding, in the arena. */
struct byok_str byok_base64_encode(struct byok_arena *arena, struct byok_str bytes) BYOK_NONNULL(1);

#endif
