/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_clock.h - virtual time, chance from a seed, and what happens later.
 *
 * Time stands still until sim_clock_advance (but see sim_clock_look); events ring in the order of their time, then of their
 * making, so that a run is a function of its seed.
 */
#ifndef BYOK_TESTS_SIM_CLOCK_H
#define BYOK_TESTS_SIM_CLOCK_H

#include <stddef.h>

#include "actors/ports/clock.h"

/* Does what the event is for and frees `arg`. */
typedef void (*sim_event_fn)(void *arg);

struct sim_event;

struct sim_clock {
    struct byok_clock clock;
    int64_t now_us;
    int64_t wall_ms; /* at now_us 0 */
    uint64_t state;  /* of the generator */
    uint64_t looks;  /* the same of a simple one, for the looks at the time */
    uint64_t sequence;
    struct sim_event *events; /* a binary heap */
    size_t count, room;
};

void sim_clock_init(struct sim_clock *clock, uint64_t seed);
/** Events left are dropped as by sim_clock_drop. */
void sim_clock_done(struct sim_clock *clock);

/** Ring `fn(arg)` in `delay_us`.  When it is dropped, `drop(arg)` is called instead (NULL: no). */
void sim_clock_in(struct sim_clock *clock, int64_t delay_us, const void *owner, sim_event_fn fn,
                  sim_event_fn drop, void *arg);

/** Drop all events of an owner. */
void sim_clock_drop(struct sim_clock *clock, const void *owner);

/** The time for who is simulated: with half of the looks it has moved on by a microsecond since the
 *  last, within one handler too, as a real one does. */
int64_t sim_clock_look(struct sim_clock *clock);

/** When the next event is due; INT64_MAX: none. */
int64_t sim_clock_next_us(const struct sim_clock *clock);

/** Go to `to_us` (not back) and ring what is due by then. */
void sim_clock_advance(struct sim_clock *clock, int64_t to_us);

uint64_t sim_random(struct sim_clock *clock);
/** Uniform in 0..n-1; n > 0. */
uint64_t sim_below(struct sim_clock *clock, uint64_t n);
/** True with a chance of `permille`. */
int sim_chance(struct sim_clock *clock, unsigned permille);

#endif
