/* SPDX-License-Identifier: MIT */
/* worker/ports/clock_system.h - the clock port on the operating system. */
#ifndef BYOK_WORKER_PORTS_CLOCK_SYSTEM_H
#define BYOK_WORKER_PORTS_CLOCK_SYSTEM_H

#include "actors/ports/clock.h"
#include "base/attr.h"

/** Fill the port; it holds nothing to release, and any thread may use it. */
void byok_clock_system_init(struct byok_clock *clock) BYOK_NONNULL(1);

#endif
