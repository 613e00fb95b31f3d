/* SPDX-License-Identifier: MIT */
/* actors/limits/adaptive.h - how many calls at once a provider, or a key, takes: found out, not
 * configured.
 *
 * Additive increase, multiplicative decrease: each round of good answers while the limit is in use
 * allows one call more; an answer that says "too much" halves what was under way, at most once per
 * round trip (the other answers of the same round tell nothing new).  Chiu and Jain, "Analysis of
 * the increase and decrease algorithms for congestion avoidance", 1989; the halving of what is in
 * flight is RFC 5681, 3.1.
 * Pure: time comes as an argument.
 */
#ifndef BYOK_ACTORS_LIMITS_ADAPTIVE_H
#define BYOK_ACTORS_LIMITS_ADAPTIVE_H

#include <stdint.h>

#include "base/attr.h"

struct byok_adaptive {
    int64_t min, max; /* calls, from 1 on */
    int64_t limit_milli;
    int64_t cut_us; /* when it was cut last */
};

/** It begins with what is allowed at most; `min` is lowered to `max`. */
void byok_adaptive_init(struct byok_adaptive *self, int64_t min, int64_t max) BYOK_NONNULL(1);

/** Calls that may be under way. */
int64_t byok_adaptive_limit(const struct byok_adaptive *self) BYOK_NONNULL(1);

/** Another most, from 1 on, because the provider has told one. */
void byok_adaptive_cap(struct byok_adaptive *self, int64_t max) BYOK_NONNULL(1);

/** A call has ended well; it was one of `in_flight`. */
void byok_adaptive_good(struct byok_adaptive *self, int64_t in_flight) BYOK_NONNULL(1);

/** A call that began at `began_us` was too much; it was one of `in_flight`. */
void byok_adaptive_cut(struct byok_adaptive *self, int64_t began_us, int64_t now_us,
                       int64_t in_flight) BYOK_NONNULL(1);

#endif
