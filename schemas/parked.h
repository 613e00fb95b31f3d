/* SPDX-License-Identifier: MIT */
/* schemas/parked.h - requests that wait in the state instead of in memory.
 *
 * Two records of the state table belong together and change together:
 *   the place   "q\0<user>\0<order>"           in the user's queue: as soon as there is room
 *               "t\0<due>\0<order>\0<user>"    at a time: in order of due time over all users
 *               holds the request as it came and what was tried so far;
 *   the marker  "d\0<user>\0<id>", where the DONE record will be: the id is known, and where it is.
 * <due> (Unix ms) and <order> (the offset of its record, so first come, first served) are 16
 * hexadecimal digits, so that keys sort by number.
 */
#ifndef BYOK_SCHEMAS_PARKED_H
#define BYOK_SCHEMAS_PARKED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/result.h"

#define BYOK_PARKED_QUEUE_TAG "q"
#define BYOK_PARKED_TIME_TAG "t"

struct byok_parked_place {
    int64_t due_wall_ms; /* 0: in the user's queue */
    int64_t order;
};

/* What was tried before it was parked. */
struct byok_parked_past {
    int64_t deadline_wall_ms; /* that its first attempt has set; 0: none yet */
    uint8_t leg;              /* where it goes next: see struct byok_attempt */
    uint32_t attempt_count;   /* of all made, may pass BYOK_ATTEMPTS_MAX */
    uint32_t limited;         /* of them, those that a limit refused */
    struct byok_attempt attempts[BYOK_ATTEMPTS_MAX];
};

struct byok_parked {
    struct byok_str content_type, traceparent; /* headers of its record; empty: none */
    int64_t timestamp_wall_ms;                 /* of its record */
    struct byok_str request;                   /* the record's value */
    struct byok_parked_past past;
};

/** Append the record's bytes; `scratch` is used up by about 1 KiB. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_parked_encode(const struct byok_parked *parked, struct byok_arena *scratch,
                                 struct byok_buf *out);

/** BYOK_E_BAD_MESSAGE when the bytes are not such a record.  `out` borrows from `arena`. */
BYOK_MUST_USE BYOK_NONNULL(2, 3)
enum byok_err byok_parked_decode(struct byok_str bytes, struct byok_arena *arena,
                                 struct byok_parked *out);

/** The key of a place, in the arena; ptr NULL: no memory. */
struct byok_str byok_parked_key(struct byok_arena *arena, struct byok_str user,
                                const struct byok_parked_place *place) BYOK_NONNULL(1, 3);

/** What a key of either form says; `user` borrows from it.  False: it is no such key. */
bool byok_parked_key_read(struct byok_str key, struct byok_str *user,
                          struct byok_parked_place *place) BYOK_NONNULL(2, 3);

/** The marker's bytes. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_parked_marker_encode(const struct byok_parked_place *place,
                                        struct byok_buf *out);

/** BYOK_E_BAD_MESSAGE: the value of the "d" key is no marker, but a DONE record, or damaged. */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_parked_marker_decode(struct byok_str bytes, struct byok_parked_place *place);

#endif
