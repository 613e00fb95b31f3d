/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_fault.h - allocations that fail on request, inside the actors only.
 *
 * byok_new and byok_renew are wrapped by the linker (see CMakeLists.txt).  They fail only between
 * sim_fault_enter and sim_fault_leave (the world does that around byok_system_run) and not inside
 * the simulator's own code, which uses sim_new.  One thread.
 */
#ifndef BYOK_TESTS_SIM_FAULT_H
#define BYOK_TESTS_SIM_FAULT_H

#include <stddef.h>
#include <stdint.h>

/** Let the n-th allocation from now on (1: the next) fail, once. 0: none. */
void sim_fault_nth(uint64_t n);

/** Let each allocation fail with this chance, in 1/10,000. 0: none. */
void sim_fault_chance(uint64_t seed, uint32_t per_10000);

/** How many have failed since the start of the process. */
uint64_t sim_fault_count(void);

void sim_fault_enter(void);
void sim_fault_leave(void);

/* Around what belongs to the simulator while an actor calls it; nests. */
void sim_fault_hold(void);
void sim_fault_release(void);

/** Zeroed memory that never fails (the process ends instead); given back by byok_delete. */
void *sim_new(size_t count, size_t size);

#endif
