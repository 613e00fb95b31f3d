/* SPDX-License-Identifier: MIT */
/* actors/partition/progress.h - how far restores are, for the log and the metrics.  Thread: the
 * shard's. */
#ifndef BYOK_ACTORS_PARTITION_PROGRESS_H
#define BYOK_ACTORS_PARTITION_PROGRESS_H

#include "actors/env.h"
#include "actors/partition/partition.h"

/** A changelog is restored up to restore->position, of `until`: the gauge of what is left follows,
 *  and a restore that takes longer says every few seconds how far it is. */
void byok_progress(struct byok_env *env, const struct byok_partition *partition,
                   enum byok_topic topic, struct byok_restore *restore, int64_t until)
    BYOK_NONNULL(1, 2, 4);

/** The restore is done, or nobody's any more: nothing of it is left. */
void byok_progress_end(struct byok_env *env, struct byok_restore *restore) BYOK_NONNULL(1, 2);

#endif
