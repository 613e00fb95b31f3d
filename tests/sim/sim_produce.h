/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_produce.h - who writes requests: a producer with retries and without idempotence.
 *
 * What it could not write, or has no answer for, it writes again, behind what it has written since:
 * a record is overtaken (`producer_late`), or stands in the topic twice (`producer_twice`).  It
 * keeps the time at which it was sent first.
 */
#ifndef BYOK_TESTS_SIM_SIM_PRODUCE_H
#define BYOK_TESTS_SIM_SIM_PRODUCE_H

#include <stdint.h>

#include "base/str.h"

struct sim_world;

/** Write a request; its offset, or -1: it comes later. */
int64_t sim_produce(struct sim_world *world, int32_t partition, struct byok_str user,
                    struct byok_str text);

#endif
