/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_log.h - the log port: counts events, and notices a raw key in any field. */
#ifndef BYOK_TESTS_SIM_LOG_H
#define BYOK_TESTS_SIM_LOG_H

#include <stdbool.h>

#include "actors/ports/log.h"

#define SIM_LOG_EVENTS 64
#define SIM_KEY_MARK "sk-sim-" /* every raw key of the simulation begins so */

struct sim_log {
    struct byok_log log;
    struct {
        const char *event;
        unsigned count;
    } seen[SIM_LOG_EVENTS];
    bool leaked; /* a line held a raw key */
    bool print;  /* every line to stderr too, with the time */
    const int64_t *now_us;
};

void sim_log_init(struct sim_log *log);
unsigned sim_log_count(const struct sim_log *log, const char *event);

/** Whether the bytes hold the beginning of a raw key. */
bool sim_holds_key(struct byok_str bytes);

#endif
