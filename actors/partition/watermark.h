/* SPDX-License-Identifier: MIT */
/* actors/partition/watermark.h - which offsets of a partition are done, and up to where all are.
 *
 * Jobs end out of order; the committed offset is the lowest unfinished one.  Offsets are taken in
 * rising order with any holes (transaction markers, compaction): the position jumps them.
 * A batch claims what it commits: its own position is the one that
 * holds when it succeeds, whatever becomes of the other batches under way.
 * Memory: 24 bytes an offset between the position and the newest.
 */
#ifndef BYOK_ACTORS_PARTITION_WATERMARK_H
#define BYOK_ACTORS_PARTITION_WATERMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct byok_watermark_entry;

struct byok_watermark {
    struct byok_watermark_entry *ring; /* room is a power of two */
    size_t room, head, count;
    int64_t position; /* everything below it is done; -1: nothing taken yet */
};

void byok_watermark_init(struct byok_watermark *mark) BYOK_NONNULL(1);
void byok_watermark_done(struct byok_watermark *mark) BYOK_NONNULL(1);

/** An offset was taken; false: no memory, nothing changed.  An offset not above the last one is
 *  taken as a repeat: true, and nothing changes. */
bool byok_watermark_take(struct byok_watermark *mark, int64_t offset) BYOK_NONNULL(1) BYOK_MUST_USE;

/** An offset is done; true when the position moved.  One that was not taken is ignored. */
bool byok_watermark_finish(struct byok_watermark *mark, int64_t offset) BYOK_NONNULL(1);

/** The offset is to be done by that batch (numbers from 1); a later claim takes its place. */
void byok_watermark_claim(struct byok_watermark *mark, int64_t offset, uint64_t batch)
    BYOK_NONNULL(1);

/** The position when all that the batch has claimed were done. */
int64_t byok_watermark_claimed(const struct byok_watermark *mark, uint64_t batch) BYOK_NONNULL(1);

/** The offset to start from after a restart; -1: nothing was taken yet. */
static inline int64_t byok_watermark_position(const struct byok_watermark *mark)
{
    return mark->position;
}

/** Whether every offset taken is done. */
static inline bool byok_watermark_is_clear(const struct byok_watermark *mark)
{
    return mark->count == 0;
}

#endif
