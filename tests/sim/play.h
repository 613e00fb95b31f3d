/* SPDX-License-Identifier: MIT */
/* tests/sim/play.h - one random run: a seed makes the traffic, the faults and their order.
 *
 * Not every run has every kind of fault: each seed draws which ones it has, how often, and how the
 * workers are set up, so that some runs see one fault alone and deep.  One seed in five runs at
 * least once, where less is promised.
 */
#ifndef BYOK_TESTS_SIM_PLAY_H
#define BYOK_TESTS_SIM_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/world.h"

#define PLAY_USERS 5
#define PLAY_WORKERS 3
#define PLAY_JOBS_MAX 400
#define PLAY_ANSWER_TOKENS 300 /* that a chat may cost at most, as its jobs say */

struct sim_play {
    uint64_t seed;
    struct sim_world *world;
    struct sim_worker *workers[PLAY_WORKERS];
    char ids[PLAY_JOBS_MAX][24];
    size_t count;
    bool lines_up; /* the seed has the user SIM_LINE */
    size_t line_count; /* jobs of it */
    bool pays;         /* the seed has users with budgets */
    bool spends;       /* the seed has keys that may do only so much */
    bool renews; /* it has keys that may do little for long and are replaced, and nothing else */
    uint32_t faults; /* which disturbances may happen, as a mask */
    int64_t away_until_us; /* the first provider */
    bool all_away;         /* the other, too */
    unsigned rough;  /* chance of a bad answer of the provider, in permille */
};

/** Play a seed to its end and check it; the world is left for looking at, sim_world_free frees it. */
void sim_play(struct sim_play *play, uint64_t seed);

#endif
