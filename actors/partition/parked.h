/* SPDX-License-Identifier: MIT */
/* actors/partition/parked.h - requests that wait in the state: when they are due, and how they come
 * back.
 *
 * actors/user/park.c puts them there and takes those of the user's queue up again; the actor of
 * parked.c hands out what is due at a time, and wakes the users who have a queue when a partition
 * comes.
 */
#ifndef BYOK_ACTORS_PARTITION_PARKED_H
#define BYOK_ACTORS_PARTITION_PARKED_H

#include "actors/env.h"
#include "actors/partition/partition.h"

/** A parked record of the table as if it had just come; the block is the caller's.
 *  BYOK_E_BAD_MESSAGE: it is damaged.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(2, 4)
enum byok_err byok_parked_to_record(struct byok_str user, const struct byok_parked_place *place,
                                    struct byok_str value, struct byok_record **out);

/** What was tried before it was parked; false: it is no parked record. */
bool byok_parked_past_of(const struct byok_record *record, struct byok_parked_past *out)
    BYOK_NONNULL(1, 2);

/** Say that one cannot be read; it stays where it is. */
void byok_parked_damaged(const struct byok_ctx *ctx, int32_t partition, struct byok_str user)
    BYOK_NONNULL(1);

/** Have the parked actor look what is due, soon. Cannot fail. */
void byok_parked_look(struct byok_ctx *ctx) BYOK_NONNULL(1);

/** One was parked at a time: the partition's cursor goes back to it where it has passed it. */
void byok_parked_added(struct byok_ctx *ctx, struct byok_partition *partition,
                       const struct byok_parked_place *place) BYOK_NONNULL(1, 2, 3);

#endif
