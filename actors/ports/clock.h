/* SPDX-License-Identifier: MIT */
/* actors/ports/clock.h - time and chance. */
#ifndef BYOK_ACTORS_PORTS_CLOCK_H
#define BYOK_ACTORS_PORTS_CLOCK_H

#include <stdint.h>

struct byok_clock;

struct byok_clock_ops {
    int64_t (*now_us)(struct byok_clock *clock);  /* monotonic; never goes back */
    int64_t (*wall_ms)(struct byok_clock *clock); /* Unix time; may jump */
    uint64_t (*random)(struct byok_clock *clock); /* uniform; for jitter, not for secrets */
};

struct byok_clock {
    const struct byok_clock_ops *ops;
};

#endif
