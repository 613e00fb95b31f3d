/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_parked.h - which requests are parked, by what the state topic says. */
#ifndef BYOK_TESTS_SIM_SIM_PARKED_H
#define BYOK_TESTS_SIM_SIM_PARKED_H

#include "actors/message.h"

struct sim_place; /* live ones, by partition and key */

/** A record of the state topic can be seen.  When it makes a place, `*count`, which lives as long,
 *  is one more until it is erased. */
void sim_parked_note(struct sim_place **places, const struct byok_record *record, unsigned *count);
size_t sim_parked_count(const struct sim_place *places);
void sim_parked_done(struct sim_place **places);

#endif
