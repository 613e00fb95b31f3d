/* SPDX-License-Identifier: MIT */
/* demo/sim_clock.h - lets a connection wait without holding a thread.
 *
 * A connection that waits is suspended in libmicrohttpd and stands in a timer wheel of 1 ms slots;
 * one thread turns the wheel and resumes what is due.  10,000 waiting calls cost 10,000 list nodes.
 */
#ifndef BYOK_DEMO_SIM_CLOCK_H
#define BYOK_DEMO_SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct MHD_Connection;
struct sim_clock;

/** One wait; lives in the caller's memory, untouched by it until the connection is resumed. */
struct sim_wait {
    struct MHD_Connection *connection; /* borrowed */
    int64_t due_ms;
    struct sim_wait *next;
};

/** Milliseconds of the monotonic clock. */
int64_t sim_now_ms(void);

/** Start the thread; NULL when there is no memory or no thread. */
struct sim_clock *sim_clock_new(void) BYOK_MUST_USE;

/** Suspend `connection` for `delay_ms`.  Only from libmicrohttpd's own callbacks.  False when the
 *  clock is stopping: then nothing was suspended and the caller goes on at once. */
bool sim_clock_wait(struct sim_clock *clock, struct sim_wait *wait,
                    struct MHD_Connection *connection, int64_t delay_ms) BYOK_NONNULL(1, 2, 3);

/** True after sim_clock_stop. Any thread. */
bool sim_clock_is_stopping(struct sim_clock *clock) BYOK_NONNULL(1);

/** Resume everything that waits and end the thread; waits asked for later are refused. */
void sim_clock_stop(struct sim_clock *clock) BYOK_NONNULL(1);

/** Release a stopped clock; NULL is fine. */
void sim_clock_free(struct sim_clock *clock);

#endif
