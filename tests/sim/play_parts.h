/* SPDX-License-Identifier: MIT */
/* tests/sim/play_parts.h - what the parts of a random run share: play.c, play_traffic.c,
 * play_faults.c. */
#ifndef BYOK_TESTS_SIM_PLAY_PARTS_H
#define BYOK_TESTS_SIM_PLAY_PARTS_H

#include "tests/sim/play.h"

/* Kinds of disturbances that a seed has or has not. */
enum {
    PLAY_REBALANCE = 1 << 0,
    PLAY_LOSS = 1 << 1,
    PLAY_ZOMBIE = 1 << 2,
    PLAY_FREEZE = 1 << 3,
    PLAY_CRASH = 1 << 4,
    PLAY_POWER = 1 << 5,
    PLAY_STOP = 1 << 6,
    PLAY_DISK = 1 << 7,
    PLAY_BROKER = 1 << 8,
    PLAY_CLOCK = 1 << 9,
    PLAY_OUTAGE = 1 << 10,
    PLAY_ROLLBACK = 1 << 11,
    PLAY_MEMORY = 1 << 12,
    PLAY_COMMITS = 1 << 13,
    PLAY_RECORDS = 1 << 14,
    PLAY_PROVIDER = 1 << 15,
    PLAY_BAD_RECORDS = 1 << 16,
    PLAY_PAYLOADS = 1 << 17,
    PLAY_PRODUCER = 1 << 18,
    PLAY_ALL = (1 << 19) - 1
};

/** How the provider answers; a sim_answer_fn. */
void play_answer(struct sim_world *world, const struct sim_entry *entry, struct sim_answer *out);
/** One request of somebody. */
void play_send(struct sim_play *play);
/** Some jobs of the user whose jobs are all alike, if the seed has it. */
void play_line(struct sim_play *play);
/** The users, their limits and keys. */
void play_users(struct sim_play *play);

/** Budgets no longer hold anybody up. */
void play_unbind(struct sim_play *play);

/** One disturbance of those that the seed has. */
void play_disturb(struct sim_play *play);
/** What the group and the operator do: partitions that nobody has find an owner, dead workers are
 *  started again. */
void play_tend(struct sim_play *play);
/** All faults end. */
void play_heal(struct sim_play *play);

#endif
