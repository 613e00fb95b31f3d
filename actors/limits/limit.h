/* SPDX-License-Identifier: MIT */
/* actors/limits/limit.h - a rate limit per minute that holds in every minute (GCRA).
 *
 * The generic cell rate algorithm keeps one number, the theoretical arrival time (TAT).  With a
 * limit N per minute of which a burst B may be used at once, the emission interval is
 *     T = (60 s + S) / (N - B + 1)
 * (not 60 s / N), because then any half-open window of 60 s + S sees at most N units:
 * at most B at its beginning and one each T after it.  Example: N = 60, B = 6: T = 1.10 s.
 * S is the slack between taking and sending: a call that leaves at most S after its units were
 * taken keeps every window of 60 s too, since no more than the units of 60 s + S can meet in it.
 * A cost larger than B waits until that much has gathered beforehand and is then paid off as any
 * other, so it breaks no window either; a cost above N counts as N.
 * What was reserved and not used is given back only as far as time has not paid it off already:
 * the queue of units is served in order, so what stands in it of a cost is known.
 * Source: ITU-T I.371 (1996), annex A; the window bound follows from it by counting.
 * Pure: time comes as an argument.
 */
#ifndef BYOK_ACTORS_LIMITS_LIMIT_H
#define BYOK_ACTORS_LIMITS_LIMIT_H

#include <stdint.h>

#include "base/attr.h"

#define BYOK_LIMIT_SLACK_US ((int64_t)250000)

struct byok_limit {
    int64_t per_minute; /* 0: no limit */
    int64_t burst;
    int64_t interval_ns;
    int64_t tat_ns; /* monotonic */
    uint64_t taken; /* units, ever */
};

/** Set or change the limit; what was used before still counts. `burst_percent` 1..100. */
void byok_limit_set(struct byok_limit *limit, int64_t per_minute, int64_t burst_percent)
    BYOK_NONNULL(1);

/** How long until `cost` units may pass, in µs; 0: now. */
int64_t byok_limit_wait_us(const struct byok_limit *limit, int64_t now_us, int64_t cost)
    BYOK_NONNULL(1);

/** Use `cost` units now; only after byok_limit_wait_us said 0.  Gives a ticket for
 *  byok_limit_settle. */
int64_t byok_limit_take(struct byok_limit *limit, int64_t now_us, int64_t cost) BYOK_NONNULL(1);

/** The call of that ticket reserved `reserved` units and really used `used`. */
void byok_limit_settle(struct byok_limit *limit, int64_t now_us, int64_t ticket, int64_t reserved,
                       int64_t used) BYOK_NONNULL(1);

/** What is owed at `now_us`, for the durable record; and taken up again after a restart in which
 *  `passed_us` of wall time went by (a clock that went back counts as none). */
int64_t byok_limit_debt_us(const struct byok_limit *limit, int64_t now_us) BYOK_NONNULL(1);
void byok_limit_load(struct byok_limit *limit, int64_t now_us, int64_t debt_us, int64_t passed_us)
    BYOK_NONNULL(1);

#endif
