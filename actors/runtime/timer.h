/* SPDX-License-Identifier: MIT */
/* actors/runtime/timer.h - a pairing heap of timers, intrusive, so that setting one cannot fail.
 *
 * Order: due time, then the order of setting, so that a run replays exactly.
 * Source: Fredman, Sedgewick, Sleator, Tarjan: The pairing heap (1986); two-pass deletion.
 */
#ifndef BYOK_ACTORS_RUNTIME_TIMER_H
#define BYOK_ACTORS_RUNTIME_TIMER_H

#include "actors/actor.h"

struct byok_timers {
    struct byok_timer *root;
    uint64_t sequence;
};

void byok_timers_insert(struct byok_timers *timers, struct byok_timer *timer) BYOK_NONNULL(1, 2);
void byok_timers_remove(struct byok_timers *timers, struct byok_timer *timer) BYOK_NONNULL(1, 2);

/** The earliest timer, or NULL; it stays in the heap. */
static inline struct byok_timer *byok_timers_first(const struct byok_timers *timers)
{
    return timers->root;
}

#endif
